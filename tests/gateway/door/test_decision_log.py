"""The decision log: batches behind the request, certainty where the law asks, nothing changed afterwards."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from services.gateway.decisions.models import Decision
from services.gateway.decisions.writer import LOST, Writer
from shared.clock import now
from shared.db import Database
from shared.ids import new_id
from shared.settings import Settings
from shared.tenancy import Scope
from tests.gateway.door import franchise as f


@pytest.fixture
def database(make_settings: Callable[..., Settings]) -> Iterator[Database]:
    opened = Database(make_settings("gateway").database_url)
    yield opened
    opened.close()


def make_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": new_id(),
        "organization_id": f.FRANCHISE.id,
        "legal_entity_id": f.LAKESIDE.id,
        "decided_at": now(),
        "principal_id": f.named("caller"),
        "principal_kind": "person",
        "principal_name": "Robin Reyes",
        "plane": "business",
        "roles": ["network_buyer"],
        "operation": "procurement.requisition.draft",
        "address_kind": "location",
        "address_id": f.OAKLAND.id,
        "outcome": "allow",
        "policy": "test.buying",
        "reserved": None,
        "data_class": "business",
        "request_id": "r-1",
    }
    return {**row, **changes}


def count(database: Database, scope: Scope) -> int:
    with database.transaction(scope) as session:
        return session.scalar(select(func.count()).select_from(Decision)) or 0


def test_decisions_made_at_the_same_moment_by_many_are_all_written(database: Database) -> None:
    writer = Writer(database)

    def decide() -> None:
        for _ in range(100):
            writer.later(make_row())

    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert count(database, Scope.whole(f.FRANCHISE.id)) == 800


def test_a_decision_that_must_be_on_record_is_there_when_the_call_begins(database: Database) -> None:
    Writer(database).now(make_row(data_class="patient_account"))
    assert count(database, Scope.whole(f.FRANCHISE.id)) == 1


def test_a_decision_that_must_be_on_record_fails_when_it_cannot_be_written(database: Database) -> None:
    writer, row = Writer(database), make_row()
    writer.now(row)
    with pytest.raises(SQLAlchemyError):
        writer.now(row)


def test_a_full_log_never_holds_a_request_and_counts_what_it_lost(database: Database) -> None:
    writer = Writer(database, capacity=1)
    writer._thread = threading.current_thread()  # nobody empties the queue
    before = LOST.labels("queue full")._value.get()
    for _ in range(3):
        writer.later(make_row())
    assert LOST.labels("queue full")._value.get() == before + 2
    writer._thread = None


def test_an_entity_sees_the_decisions_about_it_and_no_others(database: Database) -> None:
    writer = Writer(database)
    writer.now(make_row())
    writer.now(make_row(legal_entity_id=f.HUDSON.id))
    writer.now(make_row(legal_entity_id=None, address_kind="network", address_id=None))
    own = Scope(f.FRANCHISE.id, "entity", (f.OAKLAND.id,), (f.LAKESIDE.id,))
    assert count(database, own) == 1
    assert count(database, Scope.whole(f.FRANCHISE.id)) == 3
    assert count(database, Scope.whole(f.named("another organization"))) == 0


@pytest.mark.parametrize("statement", [delete(Decision), update(Decision).values(outcome="allow")])
def test_a_decision_is_never_changed_or_removed(database: Database, statement: Any) -> None:
    Writer(database).now(make_row())
    with pytest.raises(ProgrammingError), database.transaction(Scope.whole(f.FRANCHISE.id)) as session:
        session.execute(statement)
    with pytest.raises(ProgrammingError), database.platform_transaction() as session:
        session.execute(statement)
