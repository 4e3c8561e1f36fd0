"""Roles and databases on a PostgreSQL server: python -m deploy.databases.

Settings: POSTGRES_ADMIN_URL, OWNER_PASSWORD, APP_PASSWORD. Safe to repeat and to run from several places at once.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import psycopg.conninfo
from psycopg import sql

from shared.settings import SERVICES
from shared.tenancy import APP, OWNER, create_roles_sql

_SETTINGS = ("POSTGRES_ADMIN_URL", "OWNER_PASSWORD", "APP_PASSWORD")


def name_of(service: str) -> str:
    """The database of a service; the name of a service may also be the placeholder `{service}` of the settings.

    DATABASE_PREFIX keeps several installations on one server apart.
    """
    return f"{os.environ.get('DATABASE_PREFIX', 'partywall')}_{service}"


def login_url(admin_url: str, user: str, password: str, dbname: str) -> str:
    """The URL of `dbname` on the same server for another login."""
    server = psycopg.conninfo.conninfo_to_dict(admin_url)
    host, port = str(server.pop("host", "127.0.0.1")), server.pop("port", 5432)
    for own in ("user", "password", "dbname"):
        server.pop(own, None)
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    options = f"?{urlencode(server)}" if server else ""
    return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{place}:{port}/{dbname}{options}"


def as_administrator(admin_url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A superuser's connection that commits each statement."""
    # Named: a server that was set up without a locale (SQL_ASCII) would answer names as bytes.
    return psycopg.connect(admin_url, autocommit=True, client_encoding="utf8")


def existing(admin: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    """The names of the server's databases."""
    return {name for (name,) in admin.execute("select datname from pg_database")}


def provision(admin_url: str, owner_password: str, app_password: str) -> None:
    """Create the roles, set their passwords, and create each service's database, owned by the owner role.

    `admin_url` is a superuser's libpq URL. Raises psycopg.Error.
    """
    with as_administrator(admin_url) as admin:
        # Roles belong to the whole server: two start-ups at once would trip over each other.
        admin.execute("select pg_advisory_lock(hashtext('partywall databases'))")
        admin.execute(create_roles_sql().encode())
        for role, password in ((OWNER, owner_password), (APP, app_password)):
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
        there = existing(admin)
        for service in SERVICES:
            _database(admin, name_of(service), exists=name_of(service) in there)


def _database(admin: psycopg.Connection[tuple[Any, ...]], name: str, *, exists: bool) -> None:
    # template0: the server's own template may have another encoding.
    create = ["CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"]
    close = ["REVOKE ALL ON DATABASE {name} FROM PUBLIC", "GRANT CONNECT ON DATABASE {name} TO {app}"]
    names = {"name": sql.Identifier(name), "owner": sql.Identifier(OWNER), "app": sql.Identifier(APP)}
    for statement in close if exists else create + close:
        admin.execute(sql.SQL(statement).format(**names))


def _setting(environ: Mapping[str, str], name: str) -> str:
    if name in environ:
        return environ[name]
    return Path(environ[f"{name}_FILE"]).read_text().strip()


def main() -> int:
    """Provision the server the environment names."""
    try:
        admin_url, owner_password, app_password = (_setting(os.environ, name) for name in _SETTINGS)
    except (KeyError, OSError) as missing:
        sys.stderr.write(f"Set {', '.join(_SETTINGS)} (or their _FILE forms): {missing} is missing.\n")
        return 2
    provision(admin_url, owner_password, app_password)
    return 0


if __name__ == "__main__":
    sys.exit(main())
