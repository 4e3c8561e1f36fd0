"""The end of the event log in memory, read once for everybody who waits for it.

An event wakes every subscriber at the same moment. Each of them reading the log would cost the publisher as many
transactions as it has subscribers, and as many again to find nothing new before they wait.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.db import Database
from shared.outbox import LOG_CHANNEL
from shared.wakeup import Wakeup

KEPT = 500
FRESH_SECONDS = 1.0  # a ring may be lost with the connection that listens

# One statement, so one snapshot: the head and what follows `after`. One row more than is kept tells of a longer jump.
_NEWER = (
    "select c.sequenced, c.hash as head_hash, e.sequence, e.type, e.plane, e.envelope, e.prev_hash"
    " from relay_cursor c left join lateral ("
    " select * from event_log where sequence > {after} and sequence <= c.sequenced order by sequence limit {limit}) e"
    " on true where c.id = 1 order by e.sequence"
)


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of the log: the exact stored bytes and what decides who hears it."""

    sequence: int
    type: str
    plane: str
    body: bytes


class Tail:
    """The newest events of a service's log. Thread-safe."""

    def __init__(self, database: Database, bell: Wakeup) -> None:
        self._database, self._bell = database, bell
        self._lock = threading.Lock()
        self._events: deque[Logged] = deque()
        self._head = self._before = 0  # the newest sequence; the one before the oldest event kept
        self._hash = b""
        self._mark, self._read_at = -1, float("-inf")

    def after(self, sequence: int, mark: int) -> tuple[int, str, list[Logged]] | None:
        """(head, its hash in hex, the events after `sequence`), or None where they reach further back than is kept.

        `mark` is where the bell stood before the caller looked.
        """
        with self._lock:
            if not self._fresh(mark):
                self._read()
            if sequence < self._before:
                return None
            # The log is dense: so many stand at the end.
            newer = range(self._head - sequence, 0, -1)
            return self._head, self._hash.hex(), [self._events[-place] for place in newer]

    def _fresh(self, mark: int) -> bool:
        return mark == self._mark and self._bell.listening and time.monotonic() - self._read_at < FRESH_SECONDS

    def _read(self) -> None:
        mark, read_at = self._bell.mark(LOG_CHANNEL), time.monotonic()
        rows = self._database.look(_NEWER, after=self._head, limit=KEPT + 1)
        newer = [row for row in rows if row.sequence is not None]
        if newer and len(newer) <= KEPT and newer[0].prev_hash == self._hash:
            self._keep(newer)
        elif newer or self._moved(rows):
            self._begin(rows)  # the first look, a long jump, or a log that is another one now
        self._mark, self._read_at = mark, read_at

    def _moved(self, rows: Sequence[Any]) -> bool:
        return bool(rows) and (rows[0].sequenced, rows[0].head_hash) != (self._head, self._hash)

    def _keep(self, rows: Sequence[Any]) -> None:
        self._events.extend(Logged(row.sequence, row.type, row.plane, row.envelope) for row in rows)
        while len(self._events) > KEPT:
            self._before = self._events.popleft().sequence
        self._head, self._hash = rows[-1].sequenced, rows[-1].head_hash

    def _begin(self, rows: Sequence[Any]) -> None:
        self._events.clear()
        self._head, self._hash = rows[0].sequenced, rows[0].head_hash
        self._before = self._head
