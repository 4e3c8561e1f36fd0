"""The sequencer: moves committed events from `pending` to `event_log`, dense, in order and chained by SHA-256.

Exactly one process of a service does it. Rows are taken away, never read by `id > last`: a transaction that commits
late with a low id would be skipped for ever. Events of one aggregate keep their order because whoever changed it held
its row lock when the row was written.
"""

import hashlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import site_facts
from shared.clock import now
from shared.db import Database
from shared.outbox import LOG_CHANNEL
from shared.sql import Sql

BATCH = 500
GENESIS = bytes(32)
_SETTLED_SECONDS = 2.0
_SWEEP_SECONDS = 1.0
_THICK, _THICK_SECONDS = 10, 0.1  # so many events within such a time
GATHER_SECONDS = 0.02

_READ = Sql(
    "select p.id, p.type, p.envelope, c.sequenced, c.hash from pending p, relay_cursor c"
    " where c.id = 1 and p.id > :low order by p.id limit :limit"
)
# One round trip. The cursor moves only from where it was read: whoever else sequenced meanwhile makes it stand still.
_MOVE = Sql(
    """with moved as (delete from pending where id = any(cast(:ids as bigint[])) returning *),
    logged as (
        insert into event_log (sequence, event_id, organization_id, type, plane, aggregate_type, aggregate_id,
                               aggregate_version, location_id, envelope, prev_hash, hash, logged_at)
        select n.sequence, m.event_id, m.organization_id, m.type, m.plane, m.aggregate_type, m.aggregate_id,
               m.aggregate_version, m.location_id, n.envelope, n.prev_hash, n.hash, :at
        from moved m
        join unnest(cast(:ids as bigint[]), cast(:sequences as bigint[]), cast(:envelopes as bytea[]),
                    cast(:prevs as bytea[]), cast(:hashes as bytea[]))
             as n(id, sequence, envelope, prev_hash, hash) using (id)
        returning 1),
    advanced as (
        update relay_cursor set sequenced = :last, hash = :hash where id = 1 and sequenced = :before returning 1)
    select (select count(*) from logged) as logged, (select count(*) from advanced) as advanced,
           pg_notify(:channel, '')"""
)


class Pace:
    """How long to let events gather before the next batch: not at all while they come singly, a moment when they come
    thick. Each batch costs every subscriber a request and a transaction, however few events are in it."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()

    def pause(self, moved: int) -> float:
        """Seconds to wait after a batch of `moved` events."""
        moment = time.monotonic()
        self._recent.append((moment, moved))
        while self._recent[0][0] < moment - _THICK_SECONDS:
            self._recent.popleft()
        thick = sum(each for _, each in self._recent) >= _THICK
        return GATHER_SECONDS if thick and moved < BATCH // 2 else 0.0


class LostLead(Exception):
    """Another process sequenced the same rows; this one's transaction must not stand."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: events not yet sequenced and (with a bus) not yet confirmed, and the age of the oldest in seconds."""

    unsequenced: int
    unpublished: int
    age_seconds: float
    head: int


def prepare(session: Session) -> None:
    """The one row of the relay's cursor. Safe to repeat."""
    session.execute(
        text(
            "insert into relay_cursor (id, sequenced, hash, published) values (1, 0, :genesis, 0)"
            " on conflict do nothing"
        ),
        {"genesis": GENESIS},
    )


def link(previous: bytes, body: bytes) -> bytes:
    """The hash of a logged event: SHA-256 over the previous hash (32 bytes) and the stored bytes."""
    return hashlib.sha256(previous + body).digest()


class Sequencer:
    """Sequences in batches. `low` is a low-water mark: without it one old snapshot makes each read wade through dead
    rows; what commits late below it is found by a sweep once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._low = 0
        # Events come one by one or many at a time; a plan made for few would join many row by row.
        self._singly = True
        self._recent: deque[tuple[float, int]] = deque()
        self._swept = 0.0
        with database.platform_transaction() as session:
            prepare(session)

    def step(self, limit: int = BATCH) -> int:
        """Sequence at most `limit` events; returns how many. Raises LostLead."""
        try:
            with self._database.platform_transaction(planned_once=self._singly) as session:
                rows = _READ.rows(session, {"low": self._from(), "limit": limit})
                if rows:
                    _move(session, rows)
        except IntegrityError as error:
            raise LostLead from error  # its numbers are taken
        self._singly = len(rows) < _THICK
        if rows:
            self._recent.append((time.monotonic(), rows[-1].id))
        return len(rows)

    def _from(self) -> int:
        moment = time.monotonic()
        while self._recent and self._recent[0][0] < moment - _SETTLED_SECONDS:
            self._low = max(self._low, self._recent.popleft()[1])
        if moment - self._swept > _SWEEP_SECONDS:
            self._swept = moment
            return 0
        return self._low


def _move(session: Session, rows: Sequence[Any]) -> None:
    before, previous = rows[0].sequenced, rows[0].hash
    envelopes, prevs, hashes = [], [], []
    for sequence, row in enumerate(rows, before + 1):
        body = row.envelope[:-1] + b',"sequence":%d}' % sequence
        prevs.append(previous)
        previous = link(previous, body)
        envelopes.append(body)
        hashes.append(previous)
    last = before + len(rows)
    values = {
        "ids": [row.id for row in rows],
        "sequences": list(range(before + 1, last + 1)),
        "envelopes": envelopes,
        "prevs": prevs,
        "hashes": hashes,
        "at": now(),
        "before": before,
        "last": last,
        "hash": previous,
        "channel": LOG_CHANNEL,
    }
    [moved] = _MOVE.rows(session, values)
    if (moved.logged, moved.advanced) != (len(rows), 1):
        raise LostLead
    if any(row.type in site_facts.KINDS for row in rows):
        site_facts.count(session, before + 1, last)


def backlog(session: Session, *, bus: bool) -> Backlog:
    """How much waits in this service's outbox, for metrics, readiness and back-pressure."""
    waiting = session.execute(text("select count(*), min(event_id::text) from pending")).one()
    cursor = session.execute(text("select sequenced, published from relay_cursor where id = 1")).one_or_none()
    head, published = cursor or (0, 0)
    oldest = waiting[1]
    if bus and head > published:
        first = session.scalar(text("select event_id from event_log where sequence = :s"), {"s": published + 1})
        oldest = min(str(first), oldest) if oldest else str(first)
    age = max(0.0, time.time() - (UUID(oldest).int >> 80) / 1000) if oldest else 0.0
    return Backlog(waiting[0], head - published if bus else 0, age, head)
