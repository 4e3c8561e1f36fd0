"""Connections lent are counted, whatever becomes of them; who gets none is counted too."""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db import Database
from shared.pool import MeasuredPool, count

Figure = Callable[[str], float]


@pytest.fixture
def service() -> str:
    """A name nobody else counts under."""
    return f"sample-{uuid4().hex[:8]}"


@pytest.fixture
def figure(service: str) -> Figure:
    """`figure("in_use")`: what a scrape would show."""
    return lambda name: REGISTRY.get_sample_value(f"partywall_db_pool_{name}", {"service": service}) or 0.0


@pytest.fixture
def engine(sample_url: str, service: str) -> Iterator[Engine]:
    """Two connections, and callers who do not wait long for one."""
    url = sample_url.replace("postgresql://", "postgresql+psycopg://")
    made = create_engine(
        url, poolclass=MeasuredPool, pool_logging_name=service, pool_size=2, max_overflow=0, pool_timeout=0.05
    )
    count(made.pool, service, 2)
    yield made
    made.dispose()


def test_a_connection_counts_while_it_is_lent(engine: Engine, figure: Figure) -> None:
    with engine.connect(), engine.connect():
        assert (figure("in_use"), figure("size")) == (2, 2)
    assert figure("in_use") == 0
    assert figure("wait_seconds_count") == 2


def test_who_gets_none_in_time_is_counted_with_the_time_they_waited(engine: Engine, figure: Figure) -> None:
    with engine.connect(), engine.connect():
        before = figure("wait_seconds_sum")
        with pytest.raises(PoolTimeout):
            engine.connect()
        assert figure("timeouts_total") == 1
        assert figure("wait_seconds_sum") - before >= 0.05
        assert figure("in_use") == 2


def test_a_connection_that_breaks_is_no_longer_lent(engine: Engine, sample_url: str, figure: Figure) -> None:
    with pytest.raises(OperationalError), engine.connect() as connection:
        pid = connection.scalar(text("select pg_backend_pid()"))
        with psycopg.connect(sample_url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [pid])
        connection.execute(text("select 1"))
    assert figure("in_use") == 0
    with engine.connect():
        assert figure("in_use") == 1


def test_a_connection_that_cannot_be_made_was_never_lent(service: str, figure: Figure) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", service=service)
    with pytest.raises(OperationalError), nowhere.engine.connect():
        pass
    nowhere.close()
    assert (figure("in_use"), figure("size")) == (0, 0)


def test_counting_goes_on_after_the_connections_were_closed(engine: Engine, figure: Figure) -> None:
    engine.dispose()
    with engine.connect():
        assert figure("in_use") == 1
    assert figure("in_use") == 0


def test_a_closed_database_lends_no_more_and_keeps_nothing_that_comes_back(sample_url: str, service: str) -> None:
    database = Database(sample_url, service=service)
    with database.engine.connect() as lent:
        pid = lent.scalar(text("select pg_backend_pid()"))
        database.close()
        with pytest.raises(OperationalError, match="has closed its connections"), database.engine.connect():
            pass
    database.close()
    with psycopg.connect(sample_url, autocommit=True) as other:
        for _ in range(100):
            if not other.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
                break
            time.sleep(0.05)
        else:
            pytest.fail("the connection is still open")
