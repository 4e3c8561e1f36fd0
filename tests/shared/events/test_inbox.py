"""The inbox and its fence: once, in order, poison set aside while the rest flows."""

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.clock import now
from shared.contracts.base import Envelope
from shared.contracts.procurement import VendorRecorded
from shared.db import Database
from shared.delivery import Delivery
from shared.fence import apply, retry_due
from shared.ids import PLATFORM, new_id
from shared.inbox import Attempt, InboxEntry, Parked, ParkedStatus, Subscriber
from shared.outbox import Pending, emit
from shared.tenancy import Scope
from tests.shared.events.parties import (
    ORGANIZATION,
    Keeper,
    brands,
    count,
    logged,
    parked,
    sequence_all,
    tell,
    tell_all,
)
from tests.shared.sample import SampleBrand


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


def told(publisher: Database, *codes: str) -> list[Delivery]:
    """Logged facts with these codes."""
    tell_all(publisher, list(codes))
    sequence_all(publisher)
    return logged(publisher)


def changed(delivery: Delivery, **members: Any) -> Delivery:
    """The same event with some members of its envelope different."""
    return Delivery.read(delivery.publisher, msgspec.json.encode({**msgspec.json.decode(delivery.body), **members}))


def test_an_event_that_comes_again_has_one_effect(publisher: Database, consumer: Database, keeper: Keeper) -> None:
    deliveries = told(publisher, "a", "b")
    assert apply(consumer, keeper.subscriber(), [*deliveries, *deliveries]) == 2
    assert apply(consumer, keeper.subscriber(), deliveries) == 0
    assert brands(consumer) == ["a", "b"]


def test_the_same_batch_on_many_threads_at_once_has_one_effect(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    deliveries = told(publisher, *(f"v{n}" for n in range(40)))
    halves = [deliveries, list(deliveries[20:]), list(deliveries[:30]), deliveries]
    threads = [threading.Thread(target=apply, args=(consumer, keeper.subscriber(), half)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(brands(consumer)) == sorted(f"v{n}" for n in range(40))


def test_poison_is_parked_after_three_tries_while_its_neighbours_flow(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    keeper.fails["bad"] = RuntimeError("Jane Roe, born 1980")
    deliveries = told(publisher, "a", "bad", "b")
    assert apply(consumer, keeper.subscriber(), deliveries) == 3
    assert brands(consumer) == ["a", "b"]
    (letter,) = parked(consumer)
    assert (letter.status, letter.organization_id, letter.sequence) == ("parked", ORGANIZATION, 2)
    assert keeper.calls.count("bad") == 1 + 3
    assert "RuntimeError" in letter.reason
    assert "Jane" not in letter.reason
    assert count(consumer, Attempt) == 0


def test_later_events_of_the_same_aggregate_wait_behind_the_parked_one(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    keeper.fails["first"] = RuntimeError()
    vendor = tell(publisher, "first")
    tell(publisher, "second", about=vendor, version=2)
    tell(publisher, "other")
    sequence_all(publisher)
    first, second, other = logged(publisher)
    apply(consumer, keeper.subscriber(), [first])
    apply(consumer, keeper.subscriber(), [second, other])
    assert brands(consumer) == ["other"]
    assert [letter.event_id for letter in parked(consumer)] == [first.event_id, second.event_id]
    assert retry_due(consumer, keeper.subscriber()) == 0
    keeper.fails.clear()
    with clock.frozen(now() + timedelta(seconds=11)):
        assert retry_due(consumer, keeper.subscriber()) == 2
    assert brands(consumer) == ["other", "first", "second"]
    assert {letter.status for letter in parked(consumer)} == {"applied"}


def test_retries_back_off_and_end_with_a_dead_letter(publisher: Database, consumer: Database, keeper: Keeper) -> None:
    keeper.fails["bad"] = RuntimeError()
    apply(consumer, keeper.subscriber(), told(publisher, "bad"))
    waits, at = [], now()
    while (letter := parked(consumer)[0]).status == ParkedStatus.PARKED:
        assert letter.retry_at is not None
        waits.append(round((letter.retry_at - at).total_seconds()))
        at = letter.retry_at
        with clock.frozen(at):
            assert retry_due(consumer, keeper.subscriber()) == 1
    assert waits == [10, 60, 600, 3600, 21600]
    assert (letter.status, letter.tries, letter.retry_at) == ("dead", 5, None)
    with clock.frozen(at + timedelta(days=30)):
        assert retry_due(consumer, keeper.subscriber()) == 0


def test_a_replayed_letter_is_applied_and_a_discarded_one_lets_the_next_go_on(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    keeper.fails.update(first=RuntimeError(), x=RuntimeError())
    vendor = tell(publisher, "first")
    tell(publisher, "second", about=vendor, version=2)
    tell(publisher, "x")
    sequence_all(publisher)
    apply(consumer, keeper.subscriber(), logged(publisher))
    first, _, x = parked(consumer)
    with consumer.transaction(Scope.whole(ORGANIZATION)) as session:
        session.get_one(Parked, first.id).discard(now())
        session.get_one(Parked, x.id).replay(now())
    keeper.fails.clear()
    assert retry_due(consumer, keeper.subscriber()) == 2
    assert sorted(brands(consumer)) == ["second", "x"]
    assert [letter.status for letter in parked(consumer)] == ["discarded", "applied", "applied"]


def test_an_event_whose_process_died_three_times_is_parked_without_another_try(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    (killer,) = told(publisher, "killer")
    with consumer.platform_transaction() as session:
        session.add(Attempt(consumer="billing", event_id=killer.event_id, count=3, tried_at=now()))
    doubtful = Delivery.read("procurement", killer.body, doubtful=True)
    assert apply(consumer, keeper.subscriber(), [doubtful]) == 1
    assert keeper.calls == []
    assert parked(consumer)[0].status == "parked"


@pytest.mark.parametrize(
    "members",
    [
        {"type": "procurement.vendor.abducted"},
        {"schemaversion": 99},
        {"data": {"vendor_id": 7}},
    ],
)
def test_what_this_release_does_not_understand_is_parked_never_dropped(
    publisher: Database, consumer: Database, keeper: Keeper, members: dict[str, Any]
) -> None:
    (delivery,) = told(publisher, "odd")
    assert apply(consumer, keeper.subscriber(), [changed(delivery, **members)]) == 1
    (letter,) = parked(consumer)
    assert letter.event_id == delivery.event_id
    assert msgspec.json.decode(letter.envelope)["id"] == str(delivery.event_id)
    assert brands(consumer) == []


def test_bytes_that_are_no_envelope_are_parked_once(consumer: Database, keeper: Keeper) -> None:
    for _ in range(2):
        apply(consumer, keeper.subscriber(), [Delivery.read("procurement", b"\x00 not json")])
    (letter,) = parked(consumer)
    assert (letter.organization_id, letter.envelope, letter.type) == (PLATFORM, b"\x00 not json", "")


def test_a_known_fact_nobody_here_needs_is_passed_over(publisher: Database, consumer: Database) -> None:
    deaf = Subscriber("billing", {}, ("procurement",))
    assert apply(consumer, deaf, told(publisher, "a")) == 0
    assert (count(consumer, InboxEntry), parked(consumer)) == (0, [])


def test_the_audit_store_gets_every_event_known_or_not(publisher: Database, consumer: Database) -> None:
    kept: list[tuple[str, bytes]] = []
    store = Subscriber(
        "gateway", {}, ("procurement",),
        catch_all=lambda _, events: kept.extend((envelope.type, body) for envelope, body in events),
    )  # fmt: skip
    (delivery,) = told(publisher, "a")
    unknown = changed(delivery, type="procurement.vendor.abducted", id=str(new_id()))
    apply(consumer, store, [delivery, unknown])
    assert kept == [("procurement.vendor.recorded", delivery.body), ("procurement.vendor.abducted", unknown.body)]


def test_a_handler_sees_only_the_organization_of_its_event(
    publisher: Database, consumer: Database, keeper: Keeper
) -> None:
    ours, theirs = told(publisher, "ours", "theirs")
    seen: list[list[str]] = []

    def look(session: Session, envelope: Envelope, fact: VendorRecorded) -> None:
        keeper.keep(session, envelope, fact)
        seen.append(list(session.scalars(select(SampleBrand.name))))

    subscriber = Subscriber("billing", {VendorRecorded: look}, ("procurement",))
    apply(consumer, subscriber, [ours, changed(theirs, organizationid=str(new_id()))])
    assert seen == [["ours"], ["theirs"]]


def test_what_a_handler_tells_carries_the_cause_and_is_one_piece_with_the_effect(
    publisher: Database, consumer: Database
) -> None:
    def pass_on(session: Session, envelope: Envelope, fact: VendorRecorded) -> None:
        row = SimpleNamespace(id=new_id(), organization_id=envelope.organizationid, version=1)
        emit(session, VendorRecorded(vendor_id=row.id, code=f"{fact.code}!", name="", status=""), row)
        if fact.code == "bad":
            raise RuntimeError

    subscriber = Subscriber("billing", {VendorRecorded: pass_on}, ("procurement",))
    deliveries = told(publisher, "a", "bad", "b")
    apply(consumer, subscriber, deliveries)
    with consumer.platform_transaction() as session:
        bodies = session.scalars(select(Pending.envelope).order_by(Pending.id)).all()
    envelopes = [msgspec.json.decode(body, type=Envelope) for body in bodies]
    assert [envelope.event().code for envelope in envelopes] == ["a!", "b!"]  # type: ignore[attr-defined]
    assert [envelope.causationid for envelope in envelopes] == [str(deliveries[n].event_id) for n in (0, 2)]
    assert {(envelope.source, envelope.correlationid) for envelope in envelopes} == {
        ("/partywall/billing", "request-1")
    }


def test_a_database_that_goes_away_counts_no_try_and_loses_nothing(
    publisher: Database, consumer: Database, make_database: Callable[..., Database], keeper: Keeper
) -> None:
    deliveries = told(publisher, "a")
    nowhere = make_database("postgresql://partywall_app:x@127.0.0.1:1/none")
    with pytest.raises(Exception, match="connection"):
        apply(nowhere, keeper.subscriber(), deliveries)
    assert (count(consumer, Attempt), keeper.calls) == (0, [])
    assert apply(consumer, keeper.subscriber(), deliveries) == 1
