"""Fixtures of every test: a PostgreSQL (embedded unless TEST_POSTGRES_URL says otherwise), keys, service apps."""

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from shared import keys
from shared.keys import Keyring
from shared.settings import Settings
from tests.support.databases import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The tests' PostgreSQL."""
    url = os.environ.get("TEST_POSTGRES_URL")
    server = None
    if not url:
        postgres = importlib.import_module("deploy.local.postgres")
        server = postgres.start(tmp_path_factory.mktemp("postgres") / "data", durable=False)
        url = server.url("postgres", "postgres")
    made = Cluster(url)
    yield made
    made.close()
    if server:
        server.stop()


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signing key for every service."""
    folder = tmp_path_factory.mktemp("keys")
    keys.create(folder)
    return folder


@pytest.fixture(scope="session")
def gateway_keys(keys_folder: Path) -> Keyring:
    """The keyring context tokens are signed with."""
    return Keyring(keys_folder, "gateway")


@pytest.fixture
def make_settings(cluster: Cluster, keys_folder: Path) -> Iterator[Callable[..., Settings]]:
    """`make_settings("hr")`: settings of a service on a fresh database of its own."""
    open_copies: list[Any] = []

    def make(service: str, **changes: Any) -> Settings:
        copy = cluster.copy(service)
        name = copy.__enter__()
        open_copies.append(copy)
        values: dict[str, Any] = {
            "service": service,
            "database_url": cluster.url(name, "app"),
            "owner_database_url": cluster.url(name, "owner"),
            "bus_url": None,
            "keys_folder": keys_folder,
            "peers": {},
            "host": "127.0.0.1",
            "port": 0,
            "ops_port": 0,
            "threads": 8,
            "web_workers": 1,
            "max_body_bytes": 2 * 1024 * 1024,
            "log_level": "WARNING",
            "outbox_notify": True,
        }
        return Settings(**{**values, **changes})

    yield make
    for copy in reversed(open_copies):
        copy.__exit__(None, None, None)


@pytest.fixture
def make_app(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Flask]]:
    """`make_app("hr")`: the app of a service on a fresh database."""
    made: list[Flask] = []

    def make(service: str, **changes: Any) -> Flask:
        app: Flask = importlib.import_module(f"services.{service}.app").create(make_settings(service, **changes))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["partywall"].database.close()
