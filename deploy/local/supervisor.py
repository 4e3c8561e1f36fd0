"""The processes of one machine: started, watched, started again after a crash, stopped in order."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.postgres import CHILD

Say = Callable[[str], None]
_STOP_WITHIN = 25.0  # seconds; longer than the grace gunicorn gives its requests
# An event that kills its worker does so with its batch, three times alone until the fence puts it away, and at its
# first retry; that leaves two for something else.
_CRASHES, _CRASHES_WITHIN = 8, 60.0
_SHOWN_LEVELS = ("warning", "error", "critical")
_LEFT_TO_THE_LOG = ("timestamp", "where", "frames", "service")


class ProcessFailed(Exception):
    """A process ended again and again, or never became ready; the message ends with the last lines of its log."""


@dataclass
class Process:
    """A long-running command. Its output goes to `log`, `sockets` are inherited, `ready` says whether it serves."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[], bool]
    sockets: Sequence[int] = ()
    was_ready: bool = False
    _running: subprocess.Popen[bytes] | None = None
    _crashes: list[float] = field(default_factory=list)
    _began: int = 0  # where in the log this life begins
    _shown: int = 0

    def start(self) -> None:
        """Start it, deaf to the terminal's Ctrl-C and bound to this process's life."""
        as_ourselves = [sys.executable, "-I", "-S", str(CHILD), str(os.geteuid())]
        with self.log.open("ab") as log:
            self._shown = self._began = log.tell()
            self._running = subprocess.Popen(
                [*as_ourselves, *self.command],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=self.sockets,
            )  # fmt: skip

    @property
    def pid(self) -> int | None:
        """The process id, None when it is not running."""
        return self._running.pid if self._running and self._running.poll() is None else None

    def watch(self, say: Say) -> None:
        """Tell what it warned of; start it again when it crashed.

        Raises ProcessFailed when it crashes again and again, or before it was ever ready.
        """
        for line in self._new_lines():
            if warning := _warning(line):
                say(f"{self.name}: {warning}")
        if self._running is None or self._running.poll() is None:
            return
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < _CRASHES_WITHIN] + [now]
        ended = f"{self.name} ended unexpectedly (exit code {self._running.returncode}). Its last lines:\n{self.tail()}"
        if not self.was_ready or len(self._crashes) >= _CRASHES:
            raise ProcessFailed(ended)
        say(f"{ended}\nStarting it again.")
        self.start()

    def becomes_ready(self) -> bool:
        """Whether it is ready, now or once before. What ended is not, whoever answers at its address."""
        self.was_ready = self.was_ready or (self.pid is not None and self.ready())
        return self.was_ready

    def tail(self, count: int = 15) -> str:
        """The last lines of this life in its log, indented."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            lines = log.read().decode(errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines)

    def _new_lines(self) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(self._shown)
            fresh, newline, _ = log.read().rpartition(b"\n")
        self._shown += len(fresh) + len(newline)
        return fresh.decode(errors="replace").splitlines()

    def ask_to_stop(self) -> None:
        """SIGTERM: finish what is begun, then end."""
        if self._running:
            self._running.terminate()

    def end(self, until: float) -> None:
        """Wait for its end until `until` (monotonic seconds), then kill it."""
        if self._running is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running.wait(max(0.1, until - time.monotonic()))
        self._running.kill()
        self._running.wait()
        self._running = None


def _warning(line: str) -> str:
    """A line of a log as a person would read it; empty where it is no warning."""
    try:
        entry = json.loads(line)
        level, words = entry.pop("level"), entry.pop("event")
    except (ValueError, AttributeError, KeyError, TypeError):
        return line if line.startswith(("WARNING", "ERROR", "CRITICAL")) else ""
    if level not in _SHOWN_LEVELS:
        return ""
    facts = [f"{name} {value}" for name, value in entry.items() if name not in _LEFT_TO_THE_LOG]
    return ", ".join([f"{level}: {words}", *facts])


class Supervisor:
    """A list of processes; the first one is the door to the others."""

    def __init__(self, say: Say) -> None:
        self.processes: list[Process] = []
        self._say = say
        self._settled = False

    def start(self, process: Process) -> None:
        """Start `process` and keep it."""
        process.start()
        self.processes.append(process)

    def wait_until_ready(self, seconds: float) -> None:
        """Block until every process is ready. Raises ProcessFailed."""
        until = time.monotonic() + seconds
        waiting = list(self.processes)
        while waiting := [process for process in waiting if not process.becomes_ready()]:
            self.watch()
            if time.monotonic() > until:
                raise ProcessFailed(f"{waiting[0].name} is not ready. Its last lines:\n{waiting[0].tail()}")
            time.sleep(0.1)
        self.watch()
        self._settled = True

    def watch(self) -> None:
        """One round over all processes. Raises ProcessFailed."""
        for process in self.processes:
            # While everything starts, one process waits for another, and says so: nothing to trouble a person with.
            process.watch(self._say if self._settled else lambda words: None)

    def stop(self, within: float = _STOP_WITHIN) -> None:
        """End the first process that was added, then the others together: the door closes before the rooms behind it.

        What has not ended after `within` seconds altogether is killed.
        """
        until = time.monotonic() + within
        for together in (self.processes[:1], self.processes[1:]):
            for process in together:
                process.ask_to_stop()
            for process in together:
                process.end(until)
        self.processes.clear()
