"""Statements that go straight to the driver: same transaction, same errors; events and what is written beside them."""

from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from shared.db import Database
from shared.ids import new_id
from shared.outbox import Origin, Pending, emit, write_beside
from shared.sql import Sql
from shared.tenancy import APP, PLATFORM_ROLE, Scope
from tests.shared.sample import BoxLabelled, SampleBrand
from tests.support.databases import Cluster

ORGANIZATION = Scope.whole(new_id())
ADD = "insert into sample_brand (id, organization_id, name) values (:id, :organization_id, :name)"
NAMES = Sql("select name, 100 % 7 as rest from sample_brand order by name")


def brand(name: str) -> dict[str, object]:
    return {"id": new_id(), "organization_id": ORGANIZATION.organization_id, "name": name}


def test_they_see_and_write_what_the_transactions_scope_allows(database: Database) -> None:
    with database.transaction(ORGANIZATION) as session:
        Sql(ADD).run(session, brand("ours"))
    with database.transaction(Scope.whole(new_id())) as session:
        assert NAMES.rows(session, {}) == []
    with database.transaction(ORGANIZATION) as session:
        assert [(row.name, row.rest) for row in NAMES.rows(session, {})] == [("ours", 2)]


def test_they_are_undone_with_their_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction(ORGANIZATION) as session:
        Sql(ADD).run(session, brand("never"))
        raise ZeroDivisionError
    with database.transaction(ORGANIZATION) as session:
        assert NAMES.rows(session, {}) == []


def test_what_the_database_refuses_is_the_error_that_others_raise(database: Database) -> None:
    twice = brand("secret")
    with pytest.raises(IntegrityError) as refused, database.transaction(ORGANIZATION) as session:
        Sql(ADD).run(session, twice)
        Sql(ADD).run(session, twice)
    assert "secret" not in str(refused.value)


def test_a_connection_that_breaks_is_not_used_again(database: Database, cluster: Cluster) -> None:
    own = Sql("select pg_backend_pid() as pid")
    with pytest.raises(OperationalError) as broken, database.transaction(ORGANIZATION) as session:
        with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s)", [own.rows(session, {})[0].pid])
        own.rows(session, {})
    assert broken.value.connection_invalidated
    with database.transaction(ORGANIZATION) as session:
        assert NAMES.rows(session, {}) == []


def test_who_works_by_key_plans_no_scan_of_a_table(database: Database) -> None:
    for by_key, expected in ((True, "off"), (False, "on")):
        with database.transaction(ORGANIZATION, by_key=by_key) as session:
            assert Sql("select current_setting('enable_seqscan') as it").rows(session, {})[0].it == expected


def test_a_look_is_the_platforms_own_and_leaves_nothing_on_its_connection(database: Database) -> None:
    for sight in (ORGANIZATION, Scope.whole(new_id())):
        with database.transaction(sight) as session:
            session.info["origin"] = Origin(service="procurement", request_id="test")
            box = SimpleNamespace(id=new_id(), organization_id=sight.organization_id)
            emit(session, BoxLabelled(box_id=box.id, label="told"), box)
    [row] = database.look("select count(*) as waiting, current_user as who from pending where id > {low}", low=0)
    assert (row.waiting, row.who) == (2, PLATFORM_ROLE)
    assert database.look("select id from pending where id > {low}", low=2**40) == []
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("select current_user").scalar() == APP
        connection.rollback()


def test_a_look_that_is_refused_is_the_error_that_others_raise(database: Database) -> None:
    with pytest.raises(ProgrammingError):
        database.look("select * from sample_box")
    assert database.look("select 1 as one")[0].one == 1


def test_a_look_on_a_connection_that_broke_is_an_error_once(database: Database, cluster: Cluster) -> None:
    [row] = database.look("select pg_backend_pid() as pid")
    with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s)", [row.pid])
    with pytest.raises(OperationalError) as broken:
        database.look("select 1 as one")
    assert broken.value.connection_invalidated
    assert database.look("select 1 as one")[0].one == 1


def test_a_transaction_of_few_rows_is_planned_once(database: Database) -> None:
    for once, expected in ((True, "force_generic_plan"), (False, "auto")):
        with database.platform_transaction(planned_once=once) as session:
            assert Sql("select current_setting('plan_cache_mode') as it").rows(session, {})[0].it == expected


def test_the_connection_that_was_used_last_is_used_next(database: Database) -> None:
    own = "select pg_backend_pid() as pid"
    with database.engine.connect(), database.engine.connect(), database.engine.connect():
        pass
    assert len({database.look(own)[0].pid for _ in range(5)}) == 1


@pytest.mark.parametrize("told", [0, 1, 2, 4, 5, 12])
def test_any_number_of_events_is_written_in_order_with_what_is_written_beside(database: Database, told: int) -> None:
    labels = [f"label {number}" for number in range(told)]
    with database.transaction(ORGANIZATION) as session:
        session.info["origin"] = Origin(service="procurement", request_id="test")
        for label in labels:
            box = SimpleNamespace(id=new_id(), organization_id=ORGANIZATION.organization_id)
            emit(session, BoxLabelled(box_id=box.id, label=label), box)
        write_beside(session, ADD, brand("beside"))
    with database.transaction(ORGANIZATION) as session:
        written = session.scalars(select(Pending.envelope).order_by(Pending.id)).all()
        assert [label.encode() in envelope for label, envelope in zip(labels, written, strict=True)] == [True] * told
        assert session.scalars(select(SampleBrand.name)).all() == ["beside"]
