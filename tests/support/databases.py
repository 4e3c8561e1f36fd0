"""A fresh, migrated database for each test, copied from a template that is migrated once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine

from shared import migrate
from shared.db import Base
from shared.tenancy import APP, OWNER, create_roles_sql


class Cluster:
    """A PostgreSQL server of the tests: makes templates once and copies of them."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self._templates: dict[str, str] = {}
        self._suffix = f"{os.getpid()}_{uuid4().hex[:6]}"
        with self._admin() as connection:
            # Roles belong to the whole server, where other runs of the tests may begin at the same moment.
            connection.execute("select pg_advisory_lock(hashtextextended('partywall test roles', 0))")
            connection.execute(create_roles_sql())
            connection.execute(f"alter role {OWNER} password 'owner'")
            connection.execute(f"alter role {APP} password 'app'")

    def url(self, database: str, user: str) -> str:
        """A URL of `database` as owner, app or the administrator."""
        parts = psycopg.conninfo.conninfo_to_dict(self.admin_url)
        who = {"owner": f"{OWNER}:owner", "app": f"{APP}:app"}.get(user)
        if who is None:
            secret = f":{parts['password']}" if parts.get("password") else ""
            who = f"{parts['user']}{secret}"
        return f"postgresql://{who}@{parts['host']}:{parts.get('port', 5432)}/{database}"

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.admin_url, autocommit=True)

    def create(self, name: str, template: str | None = None) -> None:
        """A database owned by the owner role, and nobody else's to enter."""
        statement = sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNER))
        if template:
            statement += sql.SQL(" template {}").format(sql.Identifier(template))
        with self._admin() as connection:
            connection.execute(statement)

    def drop(self, name: str) -> None:
        with self._admin() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def template(self, service: str) -> str:
        """The migrated, empty database of a service."""
        if service not in self._templates:
            name = f"partywall_test_{service}_{self._suffix}"
            self.create(name)
            migrate.upgrade(service, self.url(name, "owner"))
            self._templates[service] = name
        return self._templates[service]

    def differences(self, service: str) -> list[str]:
        """What autogenerate would still change in a migrated database: nothing, where models and migrations agree."""
        names = migrate.tables_of(service)
        engine = create_engine(self.url(self.template(service), "owner").replace("://", "+psycopg://"))
        with engine.connect() as connection:
            options = {"include_object": lambda _, name, kind, __, ___: kind != "table" or name in names}
            found = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
        engine.dispose()
        return [repr(difference) for difference in found]

    @contextmanager
    def copy(self, service: str) -> Iterator[str]:
        """The name of a fresh copy of a service's database, dropped afterwards."""
        name = f"partywall_test_{service}_{uuid4().hex[:12]}"
        self.create(name, self.template(service))
        try:
            yield name
        finally:
            self.drop(name)

    def close(self) -> None:
        for name in self._templates.values():
            self.drop(name)
