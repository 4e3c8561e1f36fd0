"""Every table that an organization owns is behind forced row-level security, as PostgreSQL itself reports it."""

import importlib

import psycopg
import pytest

from shared.db import Base
from shared.migrate import tables_of
from shared.settings import SERVICES
from shared.tenancy import MULTI, NETWORK, POLICIES, SITE
from tests.support.databases import Cluster


def query(cluster: Cluster, service: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.url(cluster.template(service), "owner")) as connection:
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize("service", SERVICES)
def test_every_owned_table_forces_row_level_security(cluster: Cluster, service: str) -> None:
    owned = query(
        cluster,
        service,
        """select c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id'
           where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace""",
    )
    assert owned
    assert [row for row in owned if not (row[1] and row[2])] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_owned_table_has_one_policy_for_each_scope_role(cluster: Cluster, service: str) -> None:
    rows = query(cluster, service, "select tablename, roles::text[], permissive from pg_policies")
    policies = {(str(table), role) for table, roles, _ in rows for role in roles}  # type: ignore[attr-defined]
    assert {permissive for _, _, permissive in rows} == {"PERMISSIVE"}
    for name in tables_of(service):
        if Base.metadata.tables[name].info["ownership"]:
            assert {(name, SITE), (name, MULTI), (name, NETWORK)} <= policies, name
    assert len(rows) == len({(table, str(roles)) for table, roles, _ in rows})


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_leave_the_policies_that_the_code_says(cluster: Cluster, service: str) -> None:
    """As PostgreSQL understands both: said anew, in a transaction that is undone, a policy stays what it was."""
    said = "select tablename, policyname, qual, with_check from pg_policies order by 1, 2"
    with psycopg.connect(cluster.url(cluster.template(service), "owner")) as connection:
        before = connection.execute(said).fetchall()
        for name in tables_of(service):
            if ownership := Base.metadata.tables[name].info["ownership"]:
                for role, rows in POLICIES[ownership].items():
                    anew = f'alter policy "{role}" on "{name}" using ({rows}) with check ({rows})'
                    connection.execute(anew.encode())
        assert connection.execute(said).fetchall() == before
        connection.rollback()


@pytest.mark.parametrize("service", SERVICES)
def test_the_application_owns_nothing_and_cannot_turn_the_rules_off(cluster: Cluster, service: str) -> None:
    owners = query(
        cluster,
        service,
        """select distinct pg_get_userbyid(relowner) from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'S', 'v')""",
    )
    assert owners == [("partywall_owner",)]


@pytest.mark.parametrize("service", SERVICES)
def test_the_database_matches_the_models(cluster: Cluster, service: str) -> None:
    rows = query(cluster, service, "select tablename from pg_tables where schemaname = 'public'")
    assert {str(row[0]) for row in rows} - {"alembic_version"} >= tables_of(service)


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_say_what_the_models_say(cluster: Cluster, service: str) -> None:
    importlib.import_module(f"services.{service}.models")
    assert cluster.differences(service) == []
