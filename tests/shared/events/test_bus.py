"""RabbitMQ: confirmed batches out, batches in, and every way a broker can let us down."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from shared import bus
from shared.bus import NotConfirmed, Publisher, Topology, connect, publish_next
from shared.bus_consumer import BusConsumer
from shared.db import Database
from shared.feed_client import FeedClient
from shared.inbox import Subscriber
from shared.keys import Keyring
from shared.pull import Puller
from shared.relay import backlog
from shared.settings import Settings
from tests.shared.events.broker import Proxy
from tests.shared.events.parties import (
    Keeper,
    Process,
    brands,
    eventually,
    parked,
    sequence_all,
    serving,
    tell,
    tell_all,
    tell_clinical,
)

pytestmark = pytest.mark.rabbitmq
Make = Callable[..., Settings]
SETBACKS: tuple[type[Exception], ...] = (NotConfirmed, *bus.BROKER_ERRORS)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def sender(bus_url: str, topology: Topology) -> Iterator[Publisher]:
    made = Publisher(bus_url, "procurement", topology)
    yield made
    made.close()


@pytest.fixture
def proxy(bus_url: str) -> Iterator[Proxy]:
    made = Proxy(bus_url)
    yield made
    made.close()


@pytest.fixture
def pullers(
    settings_of: Make, publisher: Database, publisher_url: str, consumer: Database, keeper: Keeper
) -> Iterator[dict[str, Puller]]:
    """Billing's way to procurement's feed."""
    with serving(settings_of("procurement", publisher_url)) as url:
        client = FeedClient(Keyring(settings_of("hr", "").keys_folder, "billing"), "billing", {"procurement": url})
        yield {"procurement": Puller(consumer, keeper.subscriber(), "procurement", client)}
        client.close()


def declare(url: str, topology: Topology, *subscribers: Subscriber) -> None:
    with connect(url, "tests") as connection:
        for subscriber in subscribers:
            topology.declare_queue(connection.channel(), subscriber)


def depth(url: str, queue: str) -> int:
    with connect(url, "tests") as connection:
        return int(connection.channel().queue_declare(queue, passive=True).message_count)


def _empty(url: str, topology: Topology) -> bool:
    return depth(url, topology.queue("billing")) == 0


def publish_all(database: Database, sender: Publisher) -> int:
    total = 0
    while sent := publish_next(database, sender):
        total += sent
    return total


def unpublished(database: Database) -> int:
    with database.platform_transaction() as session:
        return backlog(session, bus=True).unpublished


@contextmanager
def consuming(consumer: BusConsumer) -> Iterator[threading.Thread]:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            consumer.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        consumer.stop.set()
        thread.join(60)
    assert failed == []


@pytest.fixture
def make_consumer(
    bus_url: str, consumer: Database, keeper: Keeper, pullers: dict[str, Puller], topology: Topology
) -> Callable[[], BusConsumer]:
    def make() -> BusConsumer:
        return BusConsumer(bus_url, consumer, keeper.subscriber(), pullers, threading.Event(), topology)

    return make


def test_what_is_published_is_applied_once_and_in_order(
    publisher: Database,
    consumer: Database,
    sender: Publisher,
    bus_url: str,
    topology: Topology,
    keeper: Keeper,
    make_consumer: Callable[[], BusConsumer],
) -> None:
    declare(bus_url, topology, keeper.subscriber())
    names = [f"v{n}" for n in range(700)]
    tell_all(publisher, names)
    sequence_all(publisher)
    with consuming(make_consumer()):
        assert publish_all(publisher, sender) == 700
        eventually(lambda: len(brands(consumer)) == 700)
        eventually(lambda: _empty(bus_url, topology))
    assert brands(consumer) == names
    assert unpublished(publisher) == 0


def test_a_message_nobody_has_a_queue_for_is_not_taken_for_published(
    publisher: Database, sender: Publisher, bus_url: str, topology: Topology, keeper: Keeper
) -> None:
    tell(publisher, "a")
    sequence_all(publisher)
    with pytest.raises(NotConfirmed, match="1 without a queue"):
        publish_next(publisher, sender)
    assert unpublished(publisher) == 1
    declare(bus_url, topology, keeper.subscriber())
    assert publish_next(publisher, sender) == 1
    assert unpublished(publisher) == 0


def test_a_full_queue_holds_the_cursor_and_drops_nothing(
    publisher: Database,
    sender: Publisher,
    bus_url: str,
    topology: Topology,
    keeper: Keeper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bus, "QUEUE_LENGTH", 10)
    declare(bus_url, topology, keeper.subscriber())
    tell_all(publisher, [f"v{n}" for n in range(200)])
    sequence_all(publisher)
    with pytest.raises(NotConfirmed, match="refused"):
        for _ in range(20):
            publish_next(publisher, sender, limit=10)
    assert unpublished(publisher) > 0


def test_business_consumers_have_no_queue_for_clinical_facts(
    publisher: Database, sender: Publisher, bus_url: str, topology: Topology, keeper: Keeper
) -> None:
    everything = Subscriber("billing", {}, ("procurement", "billing"))
    declare(bus_url, topology, everything, Subscriber("hr", {}, ("procurement", "billing")))
    tell(publisher, "a")
    tell_clinical(publisher)
    sequence_all(publisher)
    publish_all(publisher, sender)
    eventually(lambda: depth(bus_url, topology.queue("billing")) == 2)
    assert depth(bus_url, topology.queue("hr")) == 1


def test_what_a_purge_lost_comes_from_the_feed_before_the_next_message(
    publisher: Database,
    consumer: Database,
    sender: Publisher,
    bus_url: str,
    topology: Topology,
    make_consumer: Callable[[], BusConsumer],
) -> None:
    declare(bus_url, topology, Keeper().subscriber())
    tell_all(publisher, ["a", "b", "c"])
    sequence_all(publisher)
    publish_all(publisher, sender)
    with connect(bus_url, "tests") as connection:
        assert connection.channel().queue_purge(topology.queue("billing")) == 3
    with consuming(make_consumer()):
        tell(publisher, "d")
        sequence_all(publisher)
        publish_all(publisher, sender)
        eventually(lambda: brands(consumer) == ["a", "b", "c", "d"])
        # A loss in the middle of a running consumer's life.
        tell_all(publisher, ["e", "f"])
        sequence_all(publisher)
        with publisher.platform_transaction() as session:
            session.execute(text("update relay_cursor set published = 5"))
        sender._previous["business"] = 5
        publish_all(publisher, sender)
        eventually(lambda: brands(consumer) == ["a", "b", "c", "d", "e", "f"])


def test_poison_on_the_bus_is_parked_and_acknowledged(
    publisher: Database,
    consumer: Database,
    sender: Publisher,
    bus_url: str,
    topology: Topology,
    keeper: Keeper,
    make_consumer: Callable[[], BusConsumer],
) -> None:
    keeper.fails["bad"] = RuntimeError()
    declare(bus_url, topology, keeper.subscriber())
    tell_all(publisher, ["a", "bad", "b"])
    sequence_all(publisher)
    with consuming(make_consumer()):
        publish_all(publisher, sender)
        eventually(lambda: brands(consumer) == ["a", "b"] and len(parked(consumer)) == 1)
        eventually(lambda: _empty(bus_url, topology))


@pytest.mark.parametrize("moment", ["connecting", "publishing"])
def test_a_frozen_broker_does_not_hold_the_relay_for_ever(
    publisher: Database,
    bus_url: str,
    topology: Topology,
    keeper: Keeper,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    monkeypatch.setattr(bus, "CONFIRM_SECONDS", 2.0)
    monkeypatch.setattr(bus, "IO_SECONDS", 2)
    declare(bus_url, topology, keeper.subscriber())
    sender = Publisher(proxy.url, "procurement", topology)
    if moment == "publishing":
        tell(publisher, "first")
        sequence_all(publisher)
        publish_all(publisher, sender)
    tell(publisher, "second")
    sequence_all(publisher)
    proxy.freeze()
    started = time.monotonic()
    assert not _tries(publisher, sender)
    assert time.monotonic() - started < 40
    assert unpublished(publisher) == 1
    proxy.thaw()
    eventually(lambda: _tries(publisher, sender))
    assert unpublished(publisher) == 0
    sender.close()


def _tries(database: Database, sender: Publisher) -> bool:
    try:
        return publish_next(database, sender) > 0
    except SETBACKS:
        return False


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()


@pytest.fixture
def pair(
    settings_of: Make, publisher_url: str, consumer_url: str, topology: Topology, publisher: Database
) -> Callable[[str, str], Any]:
    """`pair(bus_url, feed_url)`: procurement's and billing's worker processes on a broker."""

    def start(url: str, feed_url: str) -> tuple[Process, Process]:
        return tuple(  # type: ignore[return-value]
            Process(
                settings_of(service, database_url, bus_url=url, peers={"procurement": feed_url}),
                TEST_BUS_PREFIX=topology.prefix,
            )
            for service, database_url in (("procurement", publisher_url), ("billing", consumer_url))
        )

    return start


def test_nothing_is_lost_or_doubled_when_relay_consumer_and_connections_die(
    settings_of: Make, publisher: Database, publisher_url: str, consumer: Database, proxy: Proxy, pair: Any
) -> None:
    names, dice = [f"v{n}" for n in range(600)], random.Random(11)

    def write() -> None:
        for start in range(0, len(names), 3):
            tell_all(publisher, names[start : start + 3])
            time.sleep(0.03)

    with serving(settings_of("procurement", publisher_url)) as url:
        relay, books = pair(proxy.url, url)
        with running(relay, books):
            writer = threading.Thread(target=write)
            writer.start()
            for _ in range(7):
                time.sleep(dice.uniform(0.7, 1.6))
                victim = dice.choice([relay, books, None])
                if victim:
                    victim.kill()
                    victim.start()
                else:
                    proxy.cut()
                    proxy.mend()
            writer.join()
            eventually(lambda: len(brands(consumer)) >= len(names) and unpublished(publisher) == 0)
    assert sorted(brands(consumer)) == sorted(names)
    assert parked(consumer) == []


def test_without_the_broker_events_wait_readiness_says_so_and_they_go_out_later(
    settings_of: Make, publisher: Database, publisher_url: str, consumer: Database, proxy: Proxy, pair: Any
) -> None:
    with serving(settings_of("procurement", publisher_url)) as url:
        relay, books = pair(proxy.url, url)
        with running(relay, books):
            eventually(lambda: relay.ready() and books.ready())
            proxy.cut()
            tell_all(publisher, ["a", "b"])
            eventually(lambda: relay.ask("/readyz")[0] == 503 and "publisher" in relay.ask("/readyz")[1])
            eventually(lambda: unpublished(publisher) == 2)
            eventually(lambda: 'partywall_outbox_pending{publisher="procurement"} 2.0' in relay.ask("/metrics")[1])
            assert relay.ask("/livez")[0] == 200
            proxy.mend()
            eventually(lambda: brands(consumer) == ["a", "b"] and unpublished(publisher) == 0)
            eventually(lambda: relay.ready() and books.ready())


def test_an_event_that_kills_its_consumer_is_parked_and_the_rest_flows(
    settings_of: Make, publisher: Database, publisher_url: str, consumer: Database, bus_url: str, pair: Any
) -> None:
    with serving(settings_of("procurement", publisher_url)) as url:
        relay, books = pair(bus_url, url)
        with running(relay, books):
            eventually(lambda: relay.ready() and books.ready())
            tell_all(publisher, ["a", "kill", "b"])
            deadline = time.monotonic() + 180
            while len(parked(consumer)) == 0:
                assert time.monotonic() < deadline
                if books.process.poll() is not None:
                    books.start()
                time.sleep(0.05)
            eventually(lambda: sorted(brands(consumer)) == ["a", "b"])
            assert books.process.poll() is None
