"""Two databases: the publisher's and the consumer's."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.bus import BROKER_ERRORS, Topology, connect
from shared.db import Database
from shared.settings import SERVICES, Settings
from tests.support.databases import Cluster


@pytest.fixture
def make_url(cluster: Cluster, sample_template: str) -> Iterator[Callable[[], str]]:
    """`make_url()`: the application's URL of another fresh sample database."""
    names: list[str] = []

    def make() -> str:
        names.append(f"partywall_test_events_{uuid4().hex[:12]}")
        cluster.create(names[-1], sample_template)
        return cluster.url(names[-1], "app")

    yield make
    for name in names:
        cluster.drop(name)


@pytest.fixture
def make_database(make_url: Callable[[], str]) -> Iterator[Callable[..., Database]]:
    """`make_database()`: another fresh database; `make_database(url)` opens one again."""
    made: list[Database] = []

    def make(url: str | None = None) -> Database:
        made.append(Database(url or make_url()))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def publisher_url(make_url: Callable[[], str]) -> str:
    return make_url()


@pytest.fixture
def consumer_url(make_url: Callable[[], str]) -> str:
    return make_url()


@pytest.fixture
def publisher(make_database: Callable[..., Database], publisher_url: str) -> Database:
    """Where procurement writes its outbox."""
    return make_database(publisher_url)


@pytest.fixture
def consumer(make_database: Callable[..., Database], consumer_url: str) -> Database:
    """Where billing applies what it hears."""
    return make_database(consumer_url)


@pytest.fixture
def settings_of(keys_folder: Path) -> Callable[..., Settings]:
    """`settings_of("billing", url, peers={...})`."""
    common = Settings("billing", "", None, None, keys_folder, {}, "127.0.0.1", 0, 0, 8, 1, 10_000, "WARNING", True)

    def make(service: str, url: str, **changes: Any) -> Settings:
        return replace(common, service=service, database_url=url, **changes)

    return make


@pytest.fixture(scope="session")
def bus_url() -> str:
    """The broker of the tests. Skips where there is none, unless REQUIRE_RABBITMQ says there must be one."""
    url = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
    try:
        connect(url, "tests").release()
    except BROKER_ERRORS as error:
        if os.environ.get("REQUIRE_RABBITMQ"):
            raise
        pytest.skip(f"no RabbitMQ: {error}")
    return url


@pytest.fixture
def topology(bus_url: str) -> Iterator[Topology]:
    """Names of exchanges and queues nobody else uses; removed afterwards."""
    made = Topology(prefix=f"test.{uuid4().hex[:8]}.")
    yield made
    connection = connect(bus_url, "tests")
    channel = connection.channel()
    for consumer in SERVICES:
        channel.queue_delete(made.queue(consumer))
        channel.queue_delete(f"{made.prefix}dead.{consumer}")
    for plane in ("business", "clinical"):
        channel.exchange_delete(made.exchange(plane))
    connection.release()
