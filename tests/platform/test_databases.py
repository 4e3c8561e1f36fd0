"""Provisioning a PostgreSQL server: what exists afterwards, and what each login may do."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy import databases
from deploy.local import postgres
from shared.settings import SERVICES
from shared.tenancy import APP, OWNER


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A server of its own: roles belong to whole servers."""
    with postgres.start(tmp_path_factory.mktemp("postgres") / "data", durable=False) as started:
        yield started


def as_owner(server: postgres.Server, service: str = "hr") -> psycopg.Connection:
    return psycopg.connect(databases.login_url(server.url(), OWNER, "o'wner", databases.name_of(service)))


def as_app(server: postgres.Server, service: str = "hr") -> psycopg.Connection:
    return psycopg.connect(databases.login_url(server.url(), APP, "app/1", databases.name_of(service)))


def test_provisioning_at_once_and_again_leaves_four_databases(server: postgres.Server) -> None:
    failures: list[BaseException] = []

    def provision() -> None:
        try:
            databases.provision(server.url(), "o'wner", "app/1")
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=provision) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for service in SERVICES:
        with as_app(server, service) as connection:
            assert connection.execute("show server_encoding").fetchone() == ("UTF8",)


def test_a_server_without_a_locale_is_provisioned_again(server: postgres.Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create database plain template template0 encoding 'SQL_ASCII' locale 'C'")
    for _ in range(2):
        databases.provision(make_conninfo(server.url(), dbname="plain"), "o'wner", "app/1")
    as_app(server).close()


def test_the_owner_makes_tables_and_the_application_cannot(server: postgres.Server) -> None:
    databases.provision(server.url(), "o'wner", "app/1")
    with as_owner(server) as connection:
        connection.execute("create table if not exists mine (id int)")
    with as_app(server) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table theirs (id int)")
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from mine")


def test_neither_login_passes_row_level_security(server: postgres.Server) -> None:
    databases.provision(server.url(), "o'wner", "app/1")
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute(
            "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = any(%s)",
            [[OWNER, APP]],
        ).fetchall()
    assert rows == [(False,), (False,)]


def test_a_new_password_replaces_the_old_one(server: postgres.Server) -> None:
    databases.provision(server.url(), "o'wner", "another")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        as_app(server)
    databases.provision(server.url(), "o'wner", "app/1")
    as_app(server).close()


def test_a_login_url_keeps_the_options_of_the_servers_url() -> None:
    admin = "postgresql://root:x@db.example:6432/postgres?sslmode=require"
    assert databases.login_url(admin, "a b", "p/w", "partywall_{service}") == (
        "postgresql://a%20b:p%2Fw@db.example:6432/partywall_{service}?sslmode=require"
    )
    assert databases.login_url("host=::1 user=postgres", "a", "b", "c") == "postgresql://a:b@[::1]:5432/c"


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("POSTGRES_ADMIN_URL", raising=False)
    assert databases.main() == 2
    assert "POSTGRES_ADMIN_URL" in capsys.readouterr().err


def test_the_command_reads_passwords_from_files(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "owner").write_text("o'wner\n")
    monkeypatch.setenv("POSTGRES_ADMIN_URL", server.url())
    monkeypatch.setenv("OWNER_PASSWORD_FILE", str(tmp_path / "owner"))
    monkeypatch.setenv("APP_PASSWORD", "app/1")
    assert databases.main() == 0
    as_owner(server).close()
