"""Requests under faults: each has a key, is repeated with it until it is answered, and is written down.

Now and then one is given up after a failure, as people do. What became of it is then unknown, and the checks find out
whether it was done as a whole or not at all.
"""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from urllib3.exceptions import HTTPError

from deploy.demo.client import Answer, Person, Refused
from deploy.demo.stage import Stage

NO_ANSWER = 0
_GIVE_UP = 0.15  # of the failures
_PATIENCE = 240.0  # seconds of failures in a row
_PASSING = ("busy", "stale-write")


class NotDone(Exception):
    """The rest of a chain of requests has no sense: one was given up, refused, or it is time to stop."""


@dataclass
class Asked:
    """One request: what each attempt was answered (0: nothing came back), and how it ended."""

    key: str
    service: str
    what: str
    attempts: list[int] = field(default_factory=list)
    body: Any = None
    ended: str = "open"  # then: done, refused, given up
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """What the last attempt was answered."""
        return self.attempts[-1] if self.attempts else NO_ANSWER


class Journal:
    """Every request of every desk. `url` is where the gateway is at the moment."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stop = threading.Event()
        self.asked: list[Asked] = []
        self.looks = 0
        self._lock = threading.Lock()

    def open(self, key: str, service: str, what: str) -> Asked:
        """A new line."""
        line = Asked(key, service, what)
        with self._lock:
            self.asked.append(line)
        return line


class Desk:
    """One thread's work: people who ask one after the other."""

    def __init__(self, name: str, stage: Stage, journal: Journal, seed: int) -> None:
        self.name, self.stage, self.journal = name, stage, journal
        self._chance = random.Random(f"{seed} {name}")
        self._number = 0

    def next_key(self) -> str:
        """A key that names the request and whatever it makes."""
        self._number += 1
        return f"{self.stage.tag}-{self.name}-{self._number}"

    def ask(
        self, person: Person, path: str, body: Any, *, method: str = "POST", key: str = "", etag: str = "", **query: Any
    ) -> Answer:
        """Have it done. Raises NotDone."""
        key = key or self.next_key()
        line = self.journal.open(key, path.split("/")[3 if path.startswith("/v1/network") else 4], f"{method} {path}")
        began = time.monotonic()
        try:
            while True:
                headers = {"Idempotency-Key": key, "X-Request-Id": f"{key}.{len(line.attempts) + 1}"}
                headers |= {"If-Match": etag} if etag else {}
                answer = self._attempt(person, method, path, body, headers, query)
                line.attempts.append(answer.status if answer else NO_ANSWER)
                if answer and answer.ok:
                    line.ended, line.body = "done", answer.body
                    return answer
                if answer and not _passes(answer):
                    line.ended, line.body = "refused", answer.body
                    raise NotDone(f"{key}: {answer.status} {answer.body}")
                self._bear(line, person, answer, time.monotonic() - began)
        finally:
            line.seconds = time.monotonic() - began

    def look(self, person: Person, path: str, method: str = "GET", body: Any = None, **query: Any) -> Answer:
        """Read until it is answered. Raises NotDone."""
        began = time.monotonic()
        while True:
            answer = self._attempt(person, method, path, body, {}, query)
            if answer and answer.ok:
                self.journal.looks += 1
                return answer
            if self.journal.stop.is_set() or time.monotonic() - began > _PATIENCE:
                raise NotDone(f"{path} cannot be read")
            self._forget_token(person, answer)
            self._pause()

    def rest(self, seconds: float = 0.05) -> None:
        """A moment between two steps. Raises NotDone when it is time to stop."""
        if self.journal.stop.wait(seconds):
            raise NotDone("time to stop")

    def _attempt(
        self, person: Person, method: str, path: str, body: Any, headers: dict[str, str], query: dict[str, Any]
    ) -> Answer | None:
        person.base = self.journal.url
        try:
            return person.call(method, path, body, headers=headers, **query)
        except (Refused, HTTPError):  # nobody there, no answer, or no sign-in at the moment
            return None

    def _bear(self, line: Asked, person: Person, answer: Answer | None, waited: float) -> None:
        """Wait before the next attempt, or give up."""
        stopping = self.journal.stop.is_set()
        if self._chance.random() < _GIVE_UP or waited > _PATIENCE or (stopping and waited > _PATIENCE / 4):
            line.ended = "given up"
            raise NotDone(f"{line.key} was given up")
        self._forget_token(person, answer)
        self._pause()

    def _forget_token(self, person: Person, answer: Answer | None) -> None:
        if answer and answer.status == 401:  # the product's clock was stepped, and the session is over
            person._token = None

    def _pause(self) -> None:
        time.sleep(self._chance.uniform(0.1, 0.6))


def _passes(answer: Answer) -> bool:
    """Whether the same request may be answered otherwise a little later."""
    slug = str(answer.body.get("type", "")).partition("#")[2] if isinstance(answer.body, dict) else ""
    return answer.status >= 500 or answer.status in (401, 429) or slug in _PASSING
