"""The event path as SQL through raw psycopg: a notified listener that writes, and the relay's own two statements."""

import re
import threading
import time
from contextlib import closing

import psycopg

from shared import relay
from shared.clock import now
from shared.tenancy import protect_sql
from tests.bench.table import Load
from tests.bench.watch import Watch

_BATCH = 500


def prepare(owner_url: str) -> None:
    """Tables of the benchmark's own, like the outbox and the event log, protected as those are."""
    with psycopg.connect(owner_url) as connection:
        for table, like in (("bench_pending", "pending"), ("bench_log", "event_log"), ("bench_cursor", "relay_cursor")):
            connection.execute(f"create table if not exists {table} (like {like} including all)".encode())
            connection.execute(f"grant select, insert, update, delete on {table} to partywall_platform".encode())
        connection.execute("insert into bench_cursor select 1, 0, '\\x00', 0 on conflict do nothing")
        connection.execute("create table if not exists bench_effect (version int primary key)")
        connection.execute("grant select, insert on bench_effect to partywall_platform")
        for table in ("bench_pending", "bench_log"):
            for statement in protect_sql(table, "organization", platform=True):
                connection.execute(statement.encode())


def effect(url: str, owner_url: str, events: int) -> Load:
    """Commit with a NOTIFY; somebody who listens writes a row and commits; wait until it is seen."""
    stop = threading.Event()
    listener = threading.Thread(target=_listen, args=(url, stop))
    listener.start()
    seen, began = [], time.perf_counter()
    try:
        with (
            closing(Watch(owner_url, "bench_effect", "version")) as watch,
            psycopg.connect(url, autocommit=True) as connection,
        ):
            connection.execute("set role partywall_platform")
            time.sleep(0.3)
            for version in range(events):
                connection.execute("select pg_notify('bench_effect', %s)", [str(version)])
                committed = time.perf_counter()
                seen.append(watch.until(version) - committed)
                time.sleep(0.01)
    finally:
        stop.set()
        listener.join()
    return Load(time.perf_counter() - began, seen, 0)


def _listen(url: str, stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role partywall_platform")
        connection.execute("listen bench_effect")
        while not stop.is_set():
            # The generator holds the connection until it ends: one notice at a time.
            for notice in list(connection.notifies(timeout=0.2, stop_after=1)):
                connection.execute("insert into bench_effect values (%s)", [int(notice.payload)])


def relayed(url: str, organization: str, events: int) -> Load:
    """Move `events` rows from an outbox to a log, chained, in the relay's batches and by its statements."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role partywall_platform")
        connection.execute(_FILL, [organization, events])
        began = time.perf_counter()
        low = 0
        while (last := _move(connection, low)) is not None:
            low = last
        seconds = time.perf_counter() - began
    return Load(seconds, [seconds / events] * events, 0)


_FILL = b"""insert into bench_pending (event_id, organization_id, type, plane, aggregate_type, aggregate_id,
  aggregate_version, envelope)
select gen_random_uuid(), %s, 'bench', 'business', 'bench', gen_random_uuid()::text, 1,
  convert_to(repeat('x', 900), 'UTF8')
from generate_series(1, %s)"""


def _own(statement: str) -> bytes:
    """A statement of the relay, about the benchmark's tables and in psycopg's style of parameters."""
    for theirs, ours in (("pending", "bench_pending"), ("event_log", "bench_log"), ("relay_cursor", "bench_cursor")):
        statement = re.sub(rf"\b{theirs}\b", ours, statement)
    return re.sub(r"(?<!:):([a-z]+)\b", r"%(\1)s", statement).encode()


_READ, _MOVE = _own(relay._READ.text), _own(relay._MOVE.text)


def _move(connection: psycopg.Connection[tuple[object, ...]], low: int) -> int | None:
    """Move a batch from above `low`; its last id, None where there was nothing."""
    with connection.transaction(), connection.cursor() as cursor:
        rows = cursor.execute(_READ, {"low": low, "limit": _BATCH}).fetchall()
        if not rows:
            return None
        cursor.execute(_MOVE, _batch(rows))
    return int(str(rows[-1][0]))


def _batch(rows: list[tuple[object, ...]]) -> dict[str, object]:
    before, previous = rows[0][3], rows[0][4]
    assert isinstance(before, int) and isinstance(previous, bytes)
    last = before + len(rows)
    envelopes, prevs, hashes = [], [], []
    for row in rows:
        assert isinstance(row[2], bytes)
        envelopes.append(row[2])
        prevs.append(previous)
        previous = relay.link(previous, row[2])
        hashes.append(previous)
    return {
        "ids": [row[0] for row in rows],
        "sequences": list(range(before + 1, last + 1)),
        "envelopes": envelopes,
        "prevs": prevs,
        "hashes": hashes,
        "at": now(),
        "before": before,
        "last": last,
        "hash": previous,
        "channel": "bench_log",
    }
