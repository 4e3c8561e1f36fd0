"""A database with the sample tables and the kernel's own, and an app on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from shared import idempotency, inbox, numbers, outbox, site_facts
from shared.db import Base, Database
from shared.keys import Keyring
from shared.migrate import statements
from shared.settings import Settings
from shared.tenancy import PLATFORM_ROLE
from shared.web.app import create_app
from tests.shared import sample
from tests.support.callers import Caller
from tests.support.databases import Cluster

MODULES = {module.__name__ for module in (idempotency, inbox, numbers, outbox, site_facts, sample)}


@pytest.fixture(scope="session")
def sample_template(cluster: Cluster) -> Iterator[str]:
    """A database with the kernel's tables and the sample's."""
    name = f"partywall_test_sample_{uuid4().hex[:8]}"
    cluster.create(name)
    engine = create_engine(cluster.url(name, "owner").replace("postgresql://", "postgresql+psycopg://"))
    mappers = [m for m in Base.registry.mappers if m.class_.__module__ in MODULES]
    tables: list[Any] = [mapper.local_table for mapper in mappers]
    with engine.begin() as connection:
        Base.metadata.create_all(connection, tables=tables)
        for table in tables:
            info = table.info
            for statement in statements(table.name, info["ownership"], info["append_only"], info["platform"]):
                connection.execute(text(statement))
        connection.execute(text("create table alembic_version (version_num text)"))
        connection.execute(text(f"grant select on alembic_version to {PLATFORM_ROLE}"))
    engine.dispose()
    yield name
    cluster.drop(name)


@pytest.fixture
def sample_url(cluster: Cluster, sample_template: str) -> Iterator[str]:
    """The application's URL of a fresh sample database."""
    name = f"partywall_test_sample_{uuid4().hex[:12]}"
    cluster.create(name, sample_template)
    yield cluster.url(name, "app")
    cluster.drop(name)


@pytest.fixture
def database(sample_url: str) -> Iterator[Database]:
    """A fresh sample database."""
    made = Database(sample_url)
    yield made
    made.close()


@pytest.fixture
def sample_app(sample_url: str, keys_folder: Path) -> Iterator[Flask]:
    """The sample's app, posing as procurement."""
    settings = Settings(
        "procurement", sample_url, None, None, keys_folder, {}, "127.0.0.1", 0, 0, 8, 1, 10_000, "WARNING", True
    )
    app = create_app(settings, title="Sample", blueprints=[sample.blueprint])
    yield app
    app.extensions["partywall"].database.close()


@pytest.fixture
def make_caller(sample_app: Flask, gateway_keys: Keyring) -> Callable[..., Caller]:
    """`make_caller(scope)`: somebody who calls the sample app."""

    def make(scope: Any, **changes: Any) -> Caller:
        return Caller(sample_app, gateway_keys, scope, **changes)

    return make
