"""Gunicorn's thread worker, with two changes that its own design leaves open.

A thread stays with its connection for a moment after an answer. The base class hands each kept-alive connection back to
its main thread, which polls for the next request and hands it out again: two changes of thread a request, which cost
more than the request's own bookkeeping as soon as a client or the gateway asks again at once.

And workers share connections. Whichever worker wakes first accepts, and keeps the connection for as long as its client
likes, so that now and then one has them all while the others idle. Here a worker that has more than its share lets the
others accept.
"""

import mmap
import select
import struct
import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from deploy.web_refusals import Refusals

PATIENCE_MS = 200
AHEAD = 2  # connections a worker may hold more than the one with the fewest
_SLOTS = 128
_EMPTY, _LEAVING = -1, -2


class Shares:
    """How many connections each worker holds, in memory that the workers inherit; each writes a slot of its own."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SLOTS * 4)
        self._taken: set[int] = set()  # the master's own knowledge
        for slot in range(_SLOTS):
            self.set(slot, _EMPTY)

    def expect(self, workers: int) -> None:
        """So many workers will be there in a moment: the first to run must leave the others their share."""
        for slot in range(min(workers, _SLOTS)):
            self.set(slot, 0)

    def take(self) -> int:
        """A free slot, for a worker that is about to be forked; it counts as soon as the worker runs."""
        slot = next((slot for slot in range(_SLOTS) if slot not in self._taken), _SLOTS - 1)
        self._taken.add(slot)
        return slot

    def set(self, slot: int, connections: int) -> None:
        struct.pack_into("i", self._memory, slot * 4, connections)

    def leave(self, slot: int) -> None:
        """Its worker accepts no more; nobody need wait for it to take its share."""
        self.set(slot, _LEAVING)

    def free(self, slot: int) -> None:
        """Its worker is gone."""
        self._taken.discard(slot)
        self.set(slot, _EMPTY)

    def fewest(self) -> int:
        """What the worker with the fewest connections holds."""
        held = [count for count in struct.unpack(f"{_SLOTS}i", self._memory[:]) if count >= 0]
        return min(held, default=0)


shares = Shares()  # made by the master, before it forks


class Worker(Refusals, ThreadWorker):  # type: ignore[misc]
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._most = 0
        self.slot = shares.take()
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._queued = self._lingering = 0

    @property
    def worker_connections(self) -> int:
        """How many connections it may hold now; the base class asks before it waits for the next event."""
        shares.set(self.slot, self.nr_conns)
        return min(self._most, shares.fewest() + AHEAD)

    @worker_connections.setter
    def worker_connections(self, most: int) -> None:
        self._most = most

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Stop gracefully."""
        shares.leave(self.slot)
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection with a request to a thread."""
        with self._lock:
            self._queued += 1
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it closely."""
        with self._lock:
            self._queued -= 1
        kept = super().handle(conn)
        while kept is True and self._asked_again(conn):
            kept = super().handle(conn)
        return kept

    def _asked_again(self, conn: Any) -> bool:
        """Whether the next request came within a moment. No thread waits for it while somebody waits for a thread."""
        if not self.alive or conn.parser.unreader.buf.getvalue():
            return False
        with self._lock:
            if self._queued or self._lingering >= self.cfg.threads // 2:
                return False
            self._lingering += 1
        try:
            poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
            return bool(poll.poll(PATIENCE_MS))
        except (OSError, ValueError):  # closed meanwhile
            return False
        finally:
            with self._lock:
                self._lingering -= 1
