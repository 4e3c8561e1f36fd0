"""The audit trail: dense, chained, per organization; every tampering is found where it happened."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError

from services.gateway.audit import commands, service
from services.gateway.audit.handlers import record
from services.gateway.audit.models import AuditEntry, RegisteredDecision
from services.gateway.worker import SUBSCRIBER
from shared import clock
from shared.clock import now
from shared.consume import apply_together
from shared.contracts.base import Envelope, Event
from shared.contracts.procurement import DecisionTaken, FormularyProposed
from shared.db import Database
from shared.delivery import Delivery
from shared.ids import new_id
from shared.settings import Settings
from shared.tenancy import Scope
from tests.gateway.door import franchise as f
from tests.support.databases import Cluster

ORGANIZATION = f.FRANCHISE.id
OTHER = f.named("another organization")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    opened.close()


@pytest.fixture
def behind_the_back(settings: Settings, cluster: Cluster) -> Iterator[psycopg.Connection]:
    """Somebody with the administrator's rights over the database."""
    name = settings.database_url.rsplit("/", 1)[1]
    with psycopg.connect(cluster.admin_url, dbname=name, autocommit=True) as connection:
        yield connection


def make_event(fact: Event, organization_id: UUID = ORGANIZATION) -> tuple[Envelope, bytes]:
    envelope = Envelope(
        specversion="1.0",
        id=new_id(),
        source="/partywall/procurement",
        type=fact.type,
        subject="x/1",
        time=now(),
        dataschema=f"/events/{fact.type}/1",
        schemaversion=1,
        partitionkey="1",
        aggregateversion=1,
        organizationid=organization_id,
        plane=fact.plane,
        correlationid="r-1",
        data=msgspec.Raw(msgspec.json.encode(fact)),
    )
    return envelope, msgspec.json.encode(envelope)


def make_proposal() -> FormularyProposed:
    return FormularyProposed(
        entry_id=new_id(), legal_entity_id=f.LAKESIDE.id, item_id=new_id(), proposed_by=f.named("buyer")
    )


def make_decision(entity_id: UUID = f.LAKESIDE.id) -> DecisionTaken:
    return DecisionTaken(
        record_id=new_id(),
        decision="procurement.formulary.approve",
        outcome="approved",
        legal_entity_id=entity_id,
        decided_by=f.named("director"),
        decided_by_name="Dana Diaz",
        decider_role="medical_director",
        licence="CA A123456",
        subject_type="formulary_entry",
        subject_id=new_id(),
        summary="OnabotulinumtoxinA 100 U",
        rule_version="2026-11-21",
        sources=["ca_mbc"],
        decided_at=now(),
    )


def keep(database: Database, fact: Event, organization_id: UUID = ORGANIZATION) -> Envelope:
    envelope, raw = make_event(fact, organization_id)
    with database.transaction(Scope.whole(organization_id)) as session:
        record(session, [(envelope, raw)])
    return envelope


def verify(database: Database, organization_id: UUID = ORGANIZATION) -> service.Verification:
    with database.transaction(Scope.whole(organization_id)) as session:
        return service.verify(session, organization_id)


def test_an_empty_trail_is_sound(database: Database) -> None:
    assert verify(database) == service.Verification(ORGANIZATION, 0, "00" * 32, True)


def test_every_organization_has_a_dense_chain_of_its_own(database: Database) -> None:
    for _ in range(5):
        keep(database, make_proposal())
    keep(database, make_proposal(), OTHER)
    assert verify(database).entries == 5
    assert verify(database).sound
    assert verify(database, OTHER).entries == 1


def test_the_trail_keeps_the_bytes_that_were_published(database: Database) -> None:
    envelope, raw = make_event(make_proposal())
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        record(session, [(envelope, raw)])
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        assert session.scalar(select(AuditEntry.envelope)) == raw


def test_entries_added_at_the_same_moment_still_make_one_chain(database: Database) -> None:
    threads = [threading.Thread(target=lambda: [keep(database, make_proposal()) for _ in range(10)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(database) == service.Verification(ORGANIZATION, 60, verify(database).head, True)


@pytest.mark.parametrize(
    ("tampering", "position", "fault"),
    [
        ("update audit_entry set envelope = set_byte(envelope, 40, 65) where position = 3", 3, "bytes"),
        ("update audit_entry set hash = sha256('x') where position = 3", 3, "bytes"),
        ("update audit_entry set event_id = gen_random_uuid() where position = 2", 2, "another event"),
        ("delete from audit_entry where position = 2", 2, "entry 2 is missing"),
        ("delete from audit_entry where position = 5", 5, "should end at entry 5"),
        ("delete from audit_head", 6, "should end at entry 0"),
        (
            "update audit_entry set envelope = 'forged', hash = sha256(prev_hash || 'forged') where position = 4",
            4,
            "another event",
        ),
    ],
)
def test_tampering_is_found_where_it_happened(
    database: Database, behind_the_back: psycopg.Connection, tampering: str, position: int, fault: str
) -> None:
    for _ in range(5):
        keep(database, make_proposal())
    behind_the_back.execute(tampering)
    found = verify(database)
    assert not found.sound
    assert found.position == position
    assert fault in (found.fault or "")


def test_a_forged_entry_with_a_matching_hash_breaks_the_one_after_it(
    database: Database, behind_the_back: psycopg.Connection
) -> None:
    for _ in range(3):
        keep(database, make_proposal())
    behind_the_back.execute(
        "update audit_entry set envelope = convert_to(replace(convert_from(envelope, 'UTF8'), 'r-1', 'r-2'), 'UTF8')"
        " where position = 2"
    )
    behind_the_back.execute("update audit_entry set hash = sha256(prev_hash || envelope) where position = 2")
    found = verify(database)
    assert (found.position, found.fault) == (3, "it does not follow the entry before it")


def test_the_application_cannot_change_the_trail(database: Database) -> None:
    keep(database, make_proposal())
    for statement in ("update audit_entry set plane = 'x'", "delete from audit_entry"):
        with pytest.raises(ProgrammingError), database.transaction(Scope.whole(ORGANIZATION)) as session:
            session.connection().exec_driver_sql(statement)


def test_the_head_of_a_day_is_the_last_entry_up_to_its_end(database: Database) -> None:
    with clock.frozen(datetime(2026, 11, 20, 23, 59, tzinfo=UTC)):
        first = keep(database, make_proposal())
    with clock.frozen(datetime(2026, 11, 22, 0, 1, tzinfo=UTC)):
        keep(database, make_proposal())
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        head = service.day_head(session, ORGANIZATION, date(2026, 11, 21))
        with pytest.raises(service.NoEntries):
            service.day_head(session, ORGANIZATION, date(2026, 11, 19))
    assert (head.position, head.event_id) == (1, first.id)
    assert head.hash == verify_at(database, 1)


def verify_at(database: Database, position: int) -> str:
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        return session.execute(select(AuditEntry.hash).where(AuditEntry.position == position)).scalar_one().hex()


def test_a_reserved_decision_of_any_service_stands_in_the_register_of_its_entity(database: Database) -> None:
    keep(database, make_decision())
    keep(database, make_decision(f.HUDSON.id))
    keep(database, make_proposal())
    own = Scope(ORGANIZATION, "entity", (f.OAKLAND.id,), (f.LAKESIDE.id,))
    with database.transaction(own) as session:
        [entry] = service.reserved_decisions(session, decision=None, outcome=None, limit=10, cursor=None).items
    assert (entry.service, entry.decided_by_name, entry.licence) == ("procurement", "Dana Diaz", "CA A123456")
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        assert session.scalar(select(func.count()).select_from(RegisteredDecision)) == 2


def test_the_same_record_heard_twice_is_registered_once(database: Database) -> None:
    fact = make_decision()
    keep(database, fact)
    keep(database, fact)
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        assert session.scalar(select(func.count()).select_from(RegisteredDecision)) == 1


def test_whatever_any_service_tells_is_heard_once_and_kept(database: Database) -> None:
    deliveries: list[Delivery] = []
    for publisher, fact in (
        ("procurement", make_proposal()),
        ("procurement", make_decision()),
        ("hr", make_proposal()),
    ):
        envelope, _ = make_event(fact)
        envelope.sequence = len(deliveries) + 1
        deliveries.append(Delivery.read(publisher, msgspec.json.encode(envelope)))
    assert apply_together(database, SUBSCRIBER, deliveries, None) == 3
    assert apply_together(database, SUBSCRIBER, deliveries, None) == 0
    assert (verify(database).entries, verify(database).sound) == (3, True)


def test_what_is_kept_together_is_chained_one_by_one(database: Database) -> None:
    batches = [[make_event(make_proposal()) for _ in range(count)] for count in (3, 1, 5)]
    for batch in batches:
        with database.transaction(Scope.whole(ORGANIZATION)) as session:
            record(session, batch)
    assert (verify(database).entries, verify(database).sound) == (9, True)
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        kept = session.execute(select(AuditEntry.position, AuditEntry.event_id).order_by(AuditEntry.position)).all()
    told = [envelope.id for batch in batches for envelope, _ in batch]
    assert [tuple(row) for row in kept] == list(enumerate(told, start=1))


def test_the_command_says_which_entry_is_broken_and_ends_non_zero(
    database: Database, settings: Settings, behind_the_back: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [keep(database, make_proposal()) for _ in range(3)]
    one = ["--organization", str(ORGANIZATION)]
    assert commands.main(settings, ["verify", *one]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 3
    assert commands.main(settings, ["head", *one]) == 0
    assert json.loads(capsys.readouterr().out)["position"] == 3
    behind_the_back.execute("update audit_entry set envelope = set_byte(envelope, 9, 7) where position = 2")
    assert commands.main(settings, ["verify", *one]) == 1
    said = capsys.readouterr().err
    assert "entry 2" in said
    assert str(kept[1].id) in said


def test_the_command_walks_every_organization_when_none_is_named(database: Database, settings: Settings) -> None:
    assert commands.main(settings, ["verify"]) == 0
