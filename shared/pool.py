"""The connection pool as Prometheus sees it: how many connections are lent, how long callers waited, who got none."""

import time
from typing import Any, NoReturn

import psycopg
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, Pool, PoolProxiedConnection, QueuePool, event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from shared.metrics import BUCKETS

SIZE = Gauge("partywall_db_pool_size", "Connections the pool may open", ["service"], multiprocess_mode="livesum")
IN_USE = Gauge("partywall_db_pool_in_use", "Connections lent at the moment", ["service"], multiprocess_mode="livesum")
WAIT = Histogram("partywall_db_pool_wait_seconds", "Time until a connection was lent", ["service"], buckets=BUCKETS)
TIMEOUTS = Counter("partywall_db_pool_timeouts_total", "Callers that got no connection in time", ["service"])


class MeasuredPool(QueuePool):
    """A pool that says how long its callers wait, under its `logging_name`: the service."""

    def connect(self) -> PoolProxiedConnection:
        """A connection, when one is free. Raises sqlalchemy.exc.TimeoutError."""
        began = time.perf_counter()
        try:
            return super().connect()
        except PoolTimeout:
            TIMEOUTS.labels(self.logging_name).inc()
            raise
        finally:
            WAIT.labels(self.logging_name).observe(time.perf_counter() - began)


def count(pool: Pool, service: str, size: int) -> None:
    """Keep the gauges of `service` right as connections of `pool` come and go."""
    TIMEOUTS.labels(service)  # seen as 0 before the first
    in_use = IN_USE.labels(service)

    def lend(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
        _notes(entry)["lent"] = True
        in_use.inc()

    def take_back(_: Any, entry: ConnectionPoolEntry) -> None:
        # A connection that could not be made comes back without having been lent.
        if _notes(entry).pop("lent", False):
            in_use.dec()

    event.listen(pool, "checkout", lend)
    event.listen(pool, "checkin", take_back)
    # Only a process that connects has a pool worth counting: the master of a web server forks before it does.
    event.listen(pool, "connect", lambda *_: SIZE.labels(service).set(size))


def close(engine: Engine) -> None:
    """Close the idle connections of `engine` now and the lent ones as they come back, and open no more."""
    # Disposing alone would let whoever asks next open new ones, and keep what comes back late.
    event.listen(engine, "do_connect", _refuse)
    event.listen(engine.pool, "checkin", lambda _, entry: entry.invalidate())
    engine.dispose()


def _refuse(*_: Any) -> NoReturn:
    raise psycopg.OperationalError("this process has closed its connections")


def _notes(entry: ConnectionPoolEntry) -> dict[Any, Any]:
    # Not `info`, which is emptied when a broken connection is thrown away.
    assert entry.record_info is not None
    return entry.record_info
