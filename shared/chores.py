"""What the calendar asks for and no event: one worker of a service does it, once a day."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from shared import logging
from shared.clock import now
from shared.db import Database
from shared.delivery import unreachable
from shared.wakeup import Leadership

PAUSE_SECONDS = 30.0
AGAIN_SECONDS = 3600.0
Step = Callable[[], object]
log = logging.get(__name__)


@dataclass(frozen=True)
class Chore:
    """Done once a day from `hour` (UTC) on. Each step is a transaction of its own, safe to repeat on any day."""

    name: str
    steps: Callable[[Database], Iterable[Step]]
    hour: int = 0


class Daily:
    """Does a chore: at the start of the process, then each day; the processes beside it stand by.

    `step` is for a Loop. A step that fails does not keep the others from their turn; then all of it is done again an
    hour later. `beat` is called after each.
    """

    def __init__(self, chore: Chore, database: Database, stop: threading.Event, url: str) -> None:
        self.chore = chore
        self.beat: Callable[[], None] = lambda: None
        self._database, self._stop = database, stop
        self._leadership = Leadership(url, f"chore {chore.name}")
        self._done: date | None = None
        self._again_at = 0.0

    def step(self) -> None:
        """Do what is due, or wait a little."""
        day = (now() - timedelta(hours=self.chore.hour)).date()
        due = day != self._done and time.monotonic() >= self._again_at
        if not due or not self._leadership.hold():
            self._stop.wait(PAUSE_SECONDS)
            return
        failed = self._do()
        if self._stop.is_set():
            return
        if failed:
            self._again_at = time.monotonic() + AGAIN_SECONDS
        else:
            self._done = day

    def release(self) -> None:
        """Let another process do it. Safe to repeat."""
        self._leadership.release()

    def _do(self) -> int:
        """How many steps failed."""
        failed = 0
        for step in self.chore.steps(self._database):
            if self._stop.is_set():
                break
            try:
                step()
            except Exception as error:
                if unreachable(error):
                    raise
                failed += 1
                log.error("a step of a chore failed", process=self.chore.name, exc_info=error)
            self.beat()
        return failed
