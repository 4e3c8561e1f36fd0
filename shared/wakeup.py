"""Doorbells: one LISTEN connection per process, whose loss costs latency and never an event.

NOTIFY only says "look now". Whoever waits looks anyway after a while, and sooner while nobody listens.
"""

import contextlib
import os
import threading
import time

import psycopg

SAFETY_POLL_SECONDS = 0.25
_RECONNECT_SECONDS = 1.0


class Wakeup:
    """Waits for notifications on `channels`. `notify` False: no connection, polling only (writers save 15-29 %).
    `listening` says whether a ring can be heard at the moment."""

    def __init__(self, url: str, *channels: str, notify: bool = True) -> None:
        self._url, self._channels, self._notify = url.replace("+psycopg", "", 1), channels, notify
        self._rung = dict.fromkeys(channels, 0)
        self._bell = threading.Condition()
        self._closed = threading.Event()
        self.listening = False
        self._process = 0

    def mark(self, channel: str) -> int:
        """Where the channel stands. Take it before looking for work, and hand it to `wait`: no ring falls between."""
        self._start()
        with self._bell:
            return self._rung[channel]

    def wait(self, channel: str, mark: int, seconds: float) -> None:
        """Return when the channel rang since `mark`, or after `seconds`; sooner while nobody listens."""
        limit = seconds if self.listening else min(seconds, SAFETY_POLL_SECONDS)
        with self._bell:
            self._bell.wait_for(lambda: self._rung[channel] != mark or self._closed.is_set(), limit)

    def ring(self, channel: str) -> None:
        """Wake this process's own waiters without asking the database."""
        with self._bell:
            self._rung[channel] += 1
            self._bell.notify_all()

    def close(self) -> None:
        """Stop listening and wake everybody."""
        self._closed.set()
        with self._bell:
            self._bell.notify_all()

    def _start(self) -> None:
        # Lazily and once per process: a preloading web server forks after this object is made.
        if not self._notify or self._process == os.getpid():
            return
        with self._bell:
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._listen, name="wakeup", daemon=True).start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(psycopg.Error), connect(self._url) as connection:
                for channel in self._channels:
                    connection.execute(f"listen {channel}")
                self.listening = True
                self._hear(connection)
            self.listening = False
            self._closed.wait(_RECONNECT_SECONDS)

    def _hear(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        for channel in self._channels:
            self.ring(channel)  # what rang while nobody listened
        while not self._closed.is_set():
            for notification in connection.notifies(timeout=1.0):
                self.ring(notification.channel)
                if self._closed.is_set():
                    return


def connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    """A direct connection that commits each statement: for LISTEN and for session locks. It must not go through a
    pooler in transaction mode."""
    return psycopg.connect(
        url.replace("+psycopg", "", 1),
        autocommit=True,
        connect_timeout=5,
        application_name="partywall-direct",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=15000,
    )


class Leadership:
    """At most one process of a service does `task`: a session lock on a direct connection; others stand by.

    A leader whose connection broke may not know it yet, so what it writes is fenced by a row lock as well.
    """

    def __init__(self, url: str, task: str) -> None:
        self._url, self._task = url, task
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._checked = 0.0
        self.held = False

    def hold(self) -> bool:
        """Whether this process leads now. Raises psycopg.Error when the database cannot be asked."""
        if self.held and time.monotonic() - self._checked < SAFETY_POLL_SECONDS:
            return True
        try:
            if self._connection is None:
                self._connection = connect(self._url)
            statement = "select true" if self.held else "select pg_try_advisory_lock(hashtextextended(%s, 0))"
            row = self._connection.execute(statement, None if self.held else (f"lead {self._task}",)).fetchone()
        except psycopg.Error:
            self.release()
            raise
        self.held, self._checked = bool(row and row[0]), time.monotonic()
        return self.held

    def release(self) -> None:
        """Let another lead. Safe to repeat."""
        connection, self._connection, self.held = self._connection, None, False
        if connection is None:
            return
        # Not by closing alone: the server notices that a little later, and would refuse whoever stands by until then.
        with contextlib.suppress(psycopg.Error), connection:
            connection.execute("select pg_advisory_unlock_all()")
