"""A thread that repeats a step for ever: it survives what comes back by itself, and nothing else."""

import threading
import time
from collections.abc import Callable

import psycopg

from shared import logging
from shared.delivery import unreachable

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
log = logging.get(__name__)


class Loop(threading.Thread):
    """Repeats `step` until `stop`. Errors of `survives`, and a database that is away, wait with growing pauses.

    Anything else ends the thread and sets `stop`: `crashed` is the reason, and the process must end non-zero.
    `trouble` says in plain words what the last step failed of; it is empty after a good one.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], None],
        stop: threading.Event,
        *,
        survives: tuple[type[Exception], ...] = (),
        after_error: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.trouble = ""
        self.crashed: BaseException | None = None
        self.last_beat = time.monotonic()
        self._pause = _FIRST_PAUSE
        self._step, self._stopping, self._survives, self._after_error = step, stop, survives, after_error

    def beat(self) -> None:
        """Say that the loop is alive and well; a long step says so itself, or an old failure would count for ever."""
        self.last_beat = time.monotonic()
        self.trouble = ""
        self._pause = _FIRST_PAUSE

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
                self.beat()
            except Exception as error:
                if not self._comes_back(error):
                    self._crash(error)
                    return
                self.last_beat = time.monotonic()
                self.trouble = f"{type(error).__name__}"
                log.warning("loop waits", process=self.name, seconds=self._pause, exc_info=error)
                self._after_error()
                self._stopping.wait(self._pause)
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _comes_back(self, error: Exception) -> bool:
        return isinstance(error, (*self._survives, psycopg.OperationalError, psycopg.InterfaceError)) or unreachable(
            error
        )

    def _crash(self, error: Exception) -> None:
        log.error("loop crashed", process=self.name, exc_info=error)
        self.crashed = error
        self._stopping.set()
