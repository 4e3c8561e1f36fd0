"""The feed over real HTTP: who may read, what they get, long polls, and pulling it into the inbox."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import urllib3
from werkzeug.serving import make_server

from shared import event_commands, feed, reconciliation
from shared.clock import now
from shared.consume import ignored
from shared.contracts.base import REGISTRY
from shared.db import Database
from shared.feed import CALLER, PATH
from shared.feed_client import FeedClient, FeedUnavailable
from shared.fence import apply
from shared.identity import sign
from shared.inbox import FeedCursor, InboxEntry
from shared.keys import Keyring
from shared.pull import PublisherWentBack, Puller
from shared.relay import Sequencer
from shared.settings import Settings
from shared.web.stopping import stopping
from tests.shared.events.parties import (
    Keeper,
    brands,
    count,
    logged,
    parked,
    sequence_all,
    serving,
    tell,
    tell_all,
    tell_clinical,
)

Make = Callable[..., Settings]


@pytest.fixture
def base(settings_of: Make, publisher: Database, publisher_url: str) -> Iterator[str]:
    """Where procurement's feed is."""
    sequence_all(publisher)
    with serving(settings_of("procurement", publisher_url)) as url:
        yield url


@pytest.fixture
def client(settings_of: Make, base: str) -> Iterator[FeedClient]:
    """Billing's client."""
    made = FeedClient(Keyring(settings_of("billing", "").keys_folder, "billing"), "billing", {"procurement": base})
    yield made
    made.close()


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def puller(consumer: Database, keeper: Keeper, client: FeedClient) -> Puller:
    return Puller(consumer, keeper.subscriber(), "procurement", client)


def ask(base: str, headers: dict[str, str], query: str = "") -> int:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", f"{base}{PATH}{query}", headers=headers).status


def test_only_services_of_the_platform_read_a_feed(base: str, settings_of: Make) -> None:
    keyring = Keyring(settings_of("hr", "").keys_folder, "hr")
    instant = int(now().timestamp())
    claims = {"iss": "hr", "aud": "procurement", "iat": instant, "exp": instant + 60, "use": "feed"}

    def bearer(**changes: object) -> dict[str, str]:
        return {CALLER: "hr", "Authorization": f"Bearer {sign(keyring, {**claims, **changes})}"}

    assert ask(base, bearer()) == 200
    assert ask(base, {}) == 403
    assert ask(base, {CALLER: "hr"}) == 401
    assert ask(base, {**bearer(), CALLER: "gateway"}) == 401
    assert ask(base, {**bearer(), CALLER: "stranger"}) == 403
    assert ask(base, bearer(aud="billing")) == 401
    assert ask(base, bearer(exp=instant - 60)) == 401
    assert ask(base, bearer(use="context")) == 403
    for query in ("?limit=0", "?limit=501", "?after=-1", "?after=x", "?wait=11", "?limit=%D9%A3", "?gather=1001"):
        assert ask(base, bearer(), query) == 422, query


def test_the_feed_gives_the_stored_bytes_in_order_page_by_page(publisher: Database, client: FeedClient) -> None:
    tell_all(publisher, [f"v{n}" for n in range(7)])
    sequence_all(publisher)
    first = client.pull("procurement", 0, limit=5)
    second = client.pull("procurement", first.upto, limit=5)
    assert (first.head, first.upto, second.upto) == (7, 5, 7)
    assert [bytes(body) for body in (*first.events, *second.events)] == [d.body for d in logged(publisher)]


def test_the_business_side_never_hears_a_clinical_fact(publisher: Database) -> None:
    tell(publisher, "seen")
    tell_clinical(publisher)
    sequence_all(publisher)
    for caller, heard in (("hr", 1), ("procurement", 1), ("billing", 2), ("gateway", 2)):
        head, _, upto, bodies = feed.read(publisher, caller, 0)
        assert (head, upto, len(bodies)) == (2, 2, heard), caller


def test_a_long_poll_ends_when_an_event_is_sequenced(publisher: Database, client: FeedClient) -> None:
    def soon() -> None:
        time.sleep(0.5)
        tell(publisher, "new")
        Sequencer(publisher).step()

    thread = threading.Thread(target=soon)
    thread.start()
    started = time.monotonic()
    page = client.pull("procurement", 0, wait=8)
    thread.join()
    assert len(page.events) == 1
    assert time.monotonic() - started < 5


def test_who_is_in_no_hurry_gets_what_came_meanwhile_in_one_page(publisher: Database, client: FeedClient) -> None:
    tell(publisher, "first")
    sequence_all(publisher)

    def soon() -> None:
        time.sleep(0.2)
        tell(publisher, "second")
        sequence_all(publisher)

    thread = threading.Thread(target=soon)
    thread.start()
    page = client.pull("procurement", 0, wait=8, gather=1000)
    thread.join()
    assert (page.upto, len(page.events)) == (2, 2)


def test_what_the_caller_does_not_want_neither_ends_its_poll_nor_is_sent(
    publisher: Database, client: FeedClient
) -> None:
    tell(publisher, "new")
    sequence_all(publisher)
    kind = next(one.envelope.type for one in logged(publisher) if one.envelope)
    page = client.pull("procurement", 0, wait=1, without=[kind])
    assert (page.upto, page.events) == (1, [])
    assert len(client.pull("procurement", 0, wait=1, without=["procurement.other.thing"]).events) == 1


def test_a_subscriber_wants_what_it_handles_and_what_this_release_does_not_know(keeper: Keeper) -> None:
    subscriber = keeper.subscriber()
    unwanted = ignored(subscriber, "procurement")
    assert unwanted == sorted(set(unwanted)) and all(kind.startswith("procurement.") for kind in unwanted)
    assert not set(unwanted) & set(subscriber.by_type)
    everything = {kind for kind in REGISTRY if kind.startswith("procurement.")}
    assert {*unwanted, *(kind for kind in subscriber.by_type if kind in everything)} == everything
    assert ignored(replace(subscriber, catch_all=lambda *_: None), "procurement") == []


def test_a_long_poll_ends_when_the_process_stops(client: FeedClient) -> None:
    timer = threading.Timer(0.3, stopping.set)
    timer.start()
    started = time.monotonic()
    try:
        assert client.pull("procurement", 0, wait=9).events == []
        assert time.monotonic() - started < 5
    finally:
        timer.join()
        stopping.clear()


def test_a_feed_that_is_down_says_so_in_one_way(settings_of: Make, base: str) -> None:
    keyring = Keyring(settings_of("billing", "").keys_folder, "billing")
    for peers in ({}, {"procurement": "http://127.0.0.1:1"}, {"procurement": base + "/nowhere"}):
        client = FeedClient(keyring, "billing", peers)
        with pytest.raises(FeedUnavailable):
            client.pull("procurement", 0)
        client.close()


def test_after_a_page_that_cannot_be_read_it_is_asked_for_again(settings_of: Make) -> None:
    asked: list[str] = []

    def publisher(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        asked.append(parse_qs(environ["QUERY_STRING"])["after"][0])
        start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        yield b"{\n" if len(asked) == 1 else b'{"head":1,"upto":1,"events":[{"a":1}]}\n'
        yield b'{"head":2,"upto":2,"events":[]}\n'

    server = make_server("127.0.0.1", 0, publisher)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    keyring = Keyring(settings_of("billing", "").keys_folder, "billing")
    client = FeedClient(keyring, "billing", {"procurement": f"http://127.0.0.1:{server.server_port}"})
    with pytest.raises(FeedUnavailable, match="no page"):
        client.pull("procurement", 0, wait=5)
    assert [client.pull("procurement", after, wait=5).upto for after in (0, 1)] == [1, 2]
    assert asked == ["0", "0"]
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_consumer_pulls_everything_once_and_remembers_where_it_was(
    publisher: Database, consumer: Database, client: FeedClient, keeper: Keeper, puller: Puller
) -> None:
    tell_all(publisher, [f"v{n}" for n in range(450)])
    sequence_all(publisher)
    puller.catch_up()
    assert brands(consumer) == [f"v{n}" for n in range(450)]
    assert (puller.cursor, puller.lag) == (450, 0)
    again = Puller(consumer, keeper.subscriber(), "procurement", client)
    again.catch_up()
    assert again.cursor == 450
    assert len(keeper.calls) == 450


def test_a_poison_event_in_the_feed_does_not_hold_the_cursor(
    publisher: Database, consumer: Database, keeper: Keeper, puller: Puller
) -> None:
    keeper.fails["bad"] = RuntimeError()
    tell_all(publisher, ["a", "bad", "b"])
    sequence_all(publisher)
    puller.catch_up()
    assert (brands(consumer), puller.cursor, len(parked(consumer))) == (["a", "b"], 3, 1)


def test_a_publisher_that_lost_its_newest_events_is_noticed(
    publisher: Database, consumer: Database, puller: Puller
) -> None:
    tell_all(publisher, ["a", "b"])
    sequence_all(publisher)
    with consumer.platform_transaction() as session:
        session.add(FeedCursor(consumer="billing", publisher="procurement", sequence=9, floor=0, moved_at=now()))
    with pytest.raises(PublisherWentBack):
        puller.pull()


def test_reconciliation_finds_and_heals_what_a_restored_backup_lost(
    publisher: Database, consumer: Database, client: FeedClient, keeper: Keeper, puller: Puller
) -> None:
    tell_all(publisher, [f"v{n}" for n in range(600)])
    sequence_all(publisher)
    puller.catch_up()
    lost = logged(publisher)[250].event_id
    with consumer.platform_transaction() as session:
        session.delete(session.get_one(InboxEntry, ("billing", lost)))
    finding = reconciliation.check(consumer, keeper.subscriber(), "procurement", client)
    assert (finding.checked, finding.head, [d.event_id for d in finding.missing]) == (600, 600, [lost])
    assert reconciliation.heal(consumer, keeper.subscriber(), finding) == 1
    assert reconciliation.check(consumer, keeper.subscriber(), "procurement", client).missing == []


def test_the_reconcile_command_tells_and_heals(
    publisher: Database,
    consumer: Database,
    consumer_url: str,
    base: str,
    keeper: Keeper,
    settings_of: Make,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_all(publisher, ["a", "b"])
    sequence_all(publisher)
    settings = settings_of("billing", consumer_url, peers={"procurement": base})
    assert event_commands.reconcile(settings, keeper.subscriber(), heal=False) == 1
    assert event_commands.reconcile(settings, keeper.subscriber(), heal=True) == 0
    assert event_commands.reconcile(settings, keeper.subscriber(), heal=False) == 0
    assert brands(consumer) == ["a", "b"]
    told = capsys.readouterr().out
    assert "procurement: 2 events checked, 2 missing" in told
    assert told.endswith("procurement: 2 events checked, 0 missing\n")
    lost = settings_of("billing", consumer_url)
    assert event_commands.reconcile(lost, keeper.subscriber(), heal=False) == 1


def test_what_the_inbox_forgets_is_refused_and_not_taken_for_lost(
    publisher: Database, consumer: Database, client: FeedClient, keeper: Keeper, puller: Puller
) -> None:
    tell_all(publisher, ["a", "b"])
    sequence_all(publisher)
    puller.catch_up()
    tell(publisher, "c")
    sequence_all(publisher)
    assert reconciliation.forget(consumer, keeper.subscriber(), now() + timedelta(seconds=1)) == 2
    assert count(consumer, InboxEntry) == 0
    assert apply(consumer, keeper.subscriber(), logged(publisher)) == 1
    assert reconciliation.check(consumer, keeper.subscriber(), "procurement", client).missing == []
    assert brands(consumer) == ["a", "b", "c"]


def test_an_unknown_publisher_starts_from_the_beginning(consumer: Database, client: FeedClient) -> None:
    puller = Puller(consumer, Keeper().subscriber(), "procurement", client)
    assert not puller.pull()
    assert (puller.cursor, count(consumer, FeedCursor)) == (0, 0)
