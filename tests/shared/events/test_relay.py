"""The sequencer: dense, ordered, chained, one leader; and the proof that nobody touched the log."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from shared import chain, event_commands
from shared.anchors import anchor, anchors_of
from shared.contracts.procurement import VendorRecorded
from shared.db import Database
from shared.ids import new_id
from shared.outbox import LoggedEvent, Origin, Pending, emit, write_pending
from shared.relay import BATCH, GATHER_SECONDS, LostLead, Pace, Sequencer, backlog
from shared.settings import Settings
from shared.tenancy import Scope
from shared.wakeup import Leadership
from tests.shared.events.parties import ORGANIZATION, count, eventually, logged, sequence_all, tell, tell_all
from tests.support.databases import Cluster


@contextmanager
def unfinished(database: Database, code: str) -> Iterator[None]:
    """A business transaction that has written its fact and not committed yet; it commits at the end of the block."""
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        session.info["origin"] = Origin(service="procurement", request_id="slow")
        row = SimpleNamespace(id=new_id(), organization_id=ORGANIZATION)
        emit(session, VendorRecorded(vendor_id=row.id, code=code, name=code, status="active"), row)
        write_pending(session)
        yield


def codes(database: Database) -> list[str]:
    return [delivery.envelope.event().code for delivery in logged(database) if delivery.envelope]  # type: ignore[attr-defined]


def test_committed_facts_are_numbered_without_gaps_and_leave_pending(publisher: Database) -> None:
    tell_all(publisher, [f"v{n}" for n in range(30)])
    tell(publisher, "last")
    sequence_all(publisher)
    deliveries = logged(publisher)
    assert [delivery.sequence for delivery in deliveries] == list(range(1, 32))
    assert codes(publisher) == [f"v{n}" for n in range(30)] + ["last"]
    assert count(publisher, Pending) == 0


def test_a_fact_that_is_rolled_back_is_never_told(publisher: Database) -> None:
    with pytest.raises(ZeroDivisionError), unfinished(publisher, "never"):
        raise ZeroDivisionError
    sequence_all(publisher)
    assert logged(publisher) == []


def test_a_transaction_that_commits_late_is_not_skipped(publisher: Database) -> None:
    sequencer = Sequencer(publisher)
    with unfinished(publisher, "late"):
        tell(publisher, "early")
        assert sequencer.step() == 1
    assert sequencer.step() == 1
    assert codes(publisher) == ["early", "late"]


def test_a_transaction_that_commits_below_the_low_water_mark_is_found_by_the_sweep(
    publisher: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.relay._SETTLED_SECONDS", 0.0)
    sequencer = Sequencer(publisher)
    with unfinished(publisher, "late"):
        tell(publisher, "early")
        assert sequencer.step() == 1
        assert sequencer.step() == 0
        assert sequencer._low > 0
    eventually(lambda: sequencer.step() == 1)
    assert codes(publisher) == ["early", "late"]


def test_two_sequencers_that_both_think_they_lead_still_make_one_chain(
    make_database: Callable[..., Database], publisher: Database, publisher_url: str
) -> None:
    tell_all(publisher, [f"v{n}" for n in range(300)])
    lost: list[int] = []

    def sequence(database: Database) -> None:
        sequencer = Sequencer(database)
        while count(database, Pending):
            try:
                sequencer.step(limit=20)
            except LostLead:
                lost.append(1)

    threads = [threading.Thread(target=sequence, args=(make_database(publisher_url),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [delivery.sequence for delivery in logged(publisher)] == list(range(1, 301))
    assert codes(publisher) == [f"v{n}" for n in range(300)]
    assert chain.verify(publisher).broken_at is None


def test_only_one_process_leads_and_the_next_takes_over_when_it_dies(cluster: Cluster, publisher_url: str) -> None:
    first, second = Leadership(publisher_url, "sequence"), Leadership(publisher_url, "sequence")
    other_task = Leadership(publisher_url, "publish")
    try:
        assert first.hold()
        assert not second.hold()
        assert other_task.hold()
        with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
            kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'partywall-direct'"
            admin.execute(f"{kill} and datname = %s", [publisher_url.rsplit("/", 1)[1]])
        with pytest.raises(psycopg.Error):
            second.hold()
        eventually(second.hold)
        with pytest.raises(psycopg.Error):
            eventually(lambda: not first.hold())
        assert not first.hold()
    finally:
        for leadership in (first, second, other_task):
            leadership.release()


def test_the_chain_verifies_and_names_the_first_event_that_was_changed(
    publisher: Database, cluster: Cluster, publisher_url: str
) -> None:
    tell_all(publisher, [f"v{n}" for n in range(10)])
    sequence_all(publisher)
    good = chain.verify(publisher)
    assert (good.checked, good.broken_at) == (10, None)
    name = publisher_url.rsplit("/", 1)[1]
    with psycopg.connect(cluster.url(name, "admin"), autocommit=True) as admin:
        admin.execute("update event_log set envelope = set_byte(envelope, 40, 33) where sequence = 7")
    bad = chain.verify(publisher)
    assert (bad.checked, bad.broken_at, bad.why) == (6, 7, "its content was changed")


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("delete from event_log where sequence = 4", 4),
        ("delete from event_log where sequence > 8", 9),
        ("update event_log set hash = sha256(envelope) where sequence = 10", 10),
        ("update event_log set prev_hash = hash where sequence = 2", 2),
    ],
)
def test_the_chain_notices_removals_and_forged_hashes(
    publisher: Database, cluster: Cluster, publisher_url: str, tampering: str, broken_at: int
) -> None:
    tell_all(publisher, [f"v{n}" for n in range(10)])
    sequence_all(publisher)
    with psycopg.connect(cluster.url(publisher_url.rsplit("/", 1)[1], "admin"), autocommit=True) as admin:
        admin.execute(tampering)
    assert chain.verify(publisher).broken_at == broken_at


def test_a_chain_that_was_computed_anew_does_not_fit_what_another_service_anchored(
    publisher: Database, consumer: Database, cluster: Cluster, publisher_url: str
) -> None:
    tell_all(publisher, ["a", "b"])
    sequence_all(publisher)
    anchor(consumer, "billing", {"procurement": (2, chain.verify(publisher).head), "billing": (9, "own")})
    sequence_all(consumer)
    anchors = anchors_of(consumer, "billing", "procurement")
    assert list(anchors) == [2]
    assert chain.verify(publisher, anchors).broken_at is None
    with psycopg.connect(cluster.url(publisher_url.rsplit("/", 1)[1], "admin"), autocommit=True) as admin:
        admin.execute("update event_log set envelope = set_byte(envelope, 40, 33) where sequence = 2")
        admin.execute("update event_log set hash = sha256(prev_hash || envelope) where sequence = 2")
        admin.execute("update relay_cursor set hash = (select hash from event_log where sequence = 2)")
    assert chain.verify(publisher).broken_at is None
    assert chain.verify(publisher, anchors).broken_at == 2


def test_the_verify_command_says_where_the_chain_is_broken(
    publisher: Database,
    cluster: Cluster,
    publisher_url: str,
    settings_of: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_all(publisher, ["a", "b", "c"])
    sequence_all(publisher)
    settings = settings_of("procurement", publisher_url)
    assert event_commands.verify(settings) == 0
    with psycopg.connect(cluster.url(publisher_url.rsplit("/", 1)[1], "admin"), autocommit=True) as admin:
        admin.execute("update event_log set envelope = set_byte(envelope, 40, 33) where sequence = 2")
    assert event_commands.verify(settings) == 1
    whole, broken = capsys.readouterr().out.splitlines()
    assert whole.startswith("procurement: 3 events, the chain is whole")
    assert broken.startswith("procurement: broken at event 2: its content was changed")


@pytest.mark.parametrize("statement", ["update event_log set type = 'x'", "delete from event_log"])
def test_the_application_cannot_change_the_log_not_even_as_the_platform(publisher: Database, statement: str) -> None:
    tell(publisher, "fixed")
    sequence_all(publisher)
    for transaction in (publisher.transaction(Scope.whole(ORGANIZATION)), publisher.platform_transaction()):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction as session:
            session.execute(text(statement))


def test_the_stored_bytes_are_the_envelope_with_its_sequence(publisher: Database) -> None:
    tell(publisher, "one")
    sequence_all(publisher)
    with publisher.platform_transaction() as session:
        row = session.scalars(select(LoggedEvent)).one()
    assert row.envelope.endswith(b',"sequence":1}')
    delivery = logged(publisher)[0]
    assert delivery.envelope is not None
    assert (delivery.envelope.source, delivery.envelope.organizationid) == ("/partywall/procurement", ORGANIZATION)


def test_the_backlog_tells_how_much_waits_and_how_long(publisher: Database) -> None:
    tell_all(publisher, ["a", "b"])
    with publisher.platform_transaction() as session:
        waits = backlog(session, bus=True)
    assert (waits.unsequenced, waits.unpublished) == (2, 0)
    assert 0 <= waits.age_seconds < 10
    sequence_all(publisher)
    with publisher.platform_transaction() as session:
        assert backlog(session, bus=False).unpublished == 0
        assert (backlog(session, bus=True).unsequenced, backlog(session, bus=True).unpublished) == (0, 2)


def test_events_that_come_singly_are_not_held_and_those_that_come_thick_gather() -> None:
    alone = Pace()
    assert [alone.pause(1) for _ in range(9)] == [0.0] * 9
    assert alone.pause(1) == GATHER_SECONDS
    thick = Pace()
    assert thick.pause(40) == GATHER_SECONDS
    assert thick.pause(BATCH) == 0.0
    time.sleep(0.15)
    assert thick.pause(1) == 0.0
