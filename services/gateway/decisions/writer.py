"""Write decisions: at once and for certain where the law asks, otherwise behind the request, in batches."""

import atexit
import queue
import threading
from typing import Any

from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError

from services.gateway.decisions.models import Decision
from shared import logging
from shared.db import Database
from shared.sql import insert_rows

DECISIONS = Counter("partywall_decisions_total", "Decisions of the door", ["outcome", "policy"])
LOST = Counter("partywall_decisions_lost_total", "Decisions that could not be written to the log", ["reason"])
BATCH = 500
for _reason in ("queue full", "database"):
    LOST.labels(_reason)  # seen as 0 before the first
GATHER_SECONDS = 0.2
RETRIES_SECONDS = (0.2, 1.0, 5.0)
log = logging.get(__name__)

Row = dict[str, Any]


class Writer:
    """The decision log of one process: `later` never blocks and may lose, counted; `now` returns when it is written."""

    def __init__(self, database: Database, capacity: int = 20_000) -> None:
        self._database = database
        self._waiting: queue.Queue[Row] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        database.before_close(self.close)

    def now(self, row: Row) -> None:
        """Write `row` in a transaction of its own before returning. Raises what the database raises."""
        _count(row)
        with self._database.platform_transaction() as session:
            insert_rows(session, Decision, [row])

    def later(self, row: Row) -> None:
        """Have `row` written soon; a full queue loses it rather than hold the request."""
        _count(row)
        # Started here, not in __init__: a thread does not survive the fork of a preloaded worker.
        if self._thread is None:
            self._start()
        try:
            self._waiting.put_nowait(row)
        except queue.Full:
            LOST.labels("queue full").inc()

    def close(self) -> None:
        """Write what waits, then stop."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(10)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            batch = self._gather()
            if batch:
                self._write(batch)

    def _gather(self) -> list[Row]:
        try:
            batch = [self._waiting.get(timeout=0.5)]
        except queue.Empty:
            return []
        self._closing.wait(GATHER_SECONDS)
        while len(batch) < BATCH:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[Row]) -> None:
        for pause in (*RETRIES_SECONDS, None):
            try:
                with self._database.platform_transaction() as session:
                    insert_rows(session, Decision, batch)
                return
            except SQLAlchemyError as error:
                log.warning("decision log", error_class=type(error).__qualname__, count=len(batch))
            if pause is not None:
                self._closing.wait(pause)
        LOST.labels("database").inc(len(batch))


def _count(row: Row) -> None:
    DECISIONS.labels(row["outcome"], row["policy"]).inc()
