"""Row-level security with the layers above it switched off."""

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from shared.db import Database
from shared.ids import new_id
from shared.tenancy import Scope
from tests.shared.sample import SampleBook, SampleBox, SampleBrand

ORGANIZATION, OTHER = new_id(), new_id()
SITE, SECOND_SITE = new_id(), new_id()
PRACTICE, SECOND_PRACTICE = new_id(), new_id()


def site_scope() -> Scope:
    return Scope(ORGANIZATION, "location", (SITE,), (PRACTICE,))


def fill(database: Database) -> None:
    for organization in (ORGANIZATION, OTHER):
        with database.transaction(Scope.whole(organization)) as session:
            for site in (SITE, SECOND_SITE):
                session.add(SampleBox(organization_id=organization, location_id=site, label="x"))
            for practice in (PRACTICE, SECOND_PRACTICE):
                session.add(SampleBook(organization_id=organization, legal_entity_id=practice, title="x"))
            session.add(SampleBrand(organization_id=organization, name="x"))


def seen(database: Database, scope: Scope) -> tuple[int, int, int]:
    with database.transaction(scope) as session:
        boxes, books, brands = (
            session.execute(select(func.count()).select_from(model)).scalar_one()
            for model in (SampleBox, SampleBook, SampleBrand)
        )
    return boxes, books, brands


def test_each_scope_sees_its_own_rows_and_no_others(database: Database) -> None:
    fill(database)
    assert seen(database, site_scope()) == (1, 1, 1)
    assert seen(database, Scope(ORGANIZATION, "entity", (SITE, SECOND_SITE), (PRACTICE,))) == (2, 1, 1)
    assert seen(database, Scope(ORGANIZATION, "network", (SECOND_SITE,), ())) == (1, 0, 1)
    assert seen(database, Scope.whole(ORGANIZATION)) == (2, 2, 1)
    assert seen(database, Scope(new_id(), "network")) == (0, 0, 0)


def test_a_login_that_chose_no_scope_may_read_nothing(sample_url: str) -> None:
    with psycopg.connect(sample_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from sample_box")


@pytest.mark.parametrize("role", ["partywall_site", "partywall_multi", "partywall_network"])
def test_a_role_without_settings_reads_zero_rows(database: Database, sample_url: str, role: str) -> None:
    fill(database)
    with psycopg.connect(sample_url) as connection:
        connection.execute(f"set local role {role}".encode())
        row = connection.execute("select count(*) from sample_box").fetchone()
        assert row is not None
        assert row[0] == 0
        connection.rollback()
        connection.execute(f"set local role {role}".encode())
        assert connection.execute("select 1 from sample_book").fetchone() is None


def test_a_scope_does_not_outlive_its_transaction(database: Database) -> None:
    fill(database)
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        session.execute(select(SampleBox)).all()
    with database.engine.connect() as connection:
        assert connection.execute(text("select current_setting('app.organization', true)")).scalar() in ("", None)
        assert connection.execute(text("select current_user")).scalar() == "partywall_app"


def test_writing_a_row_of_another_site_is_refused(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), database.transaction(site_scope()) as session:
        session.add(SampleBox(organization_id=ORGANIZATION, location_id=SECOND_SITE, label="x"))


def test_moving_a_row_to_another_organization_is_refused(database: Database) -> None:
    fill(database)
    with pytest.raises(ProgrammingError, match="row-level security"), database.transaction(site_scope()) as session:
        session.execute(select(SampleBox)).scalar_one().organization_id = OTHER


def test_what_is_append_only_can_be_neither_changed_nor_deleted(database: Database) -> None:
    fill(database)
    for statement in ("update sample_book set title = 'y'", "delete from sample_book"):
        with pytest.raises(ProgrammingError, match="denied"), database.transaction(site_scope()) as session:
            session.execute(text(statement))


def test_the_application_cannot_change_tables_or_pass_row_level_security(database: Database, sample_url: str) -> None:
    with psycopg.connect(sample_url) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolinherit, rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("alter table sample_box disable row level security")
