"""Several callers let go at the same moment, each in a thread with a connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from deploy.demo.client import Answer, Person

Call = Callable[[], Answer]
_PATIENCE = 60.0


def post(person: Person, path: str, body: Any = None, key: str | None = None, **query: Any) -> Call:
    """A POST to be sent later, with an idempotency key of its own unless one is given. Signs its sender in now."""
    person.token()
    headers = {"Idempotency-Key": key or str(uuid4())}
    return partial(person.call, "POST", path, {} if body is None else body, headers=headers, **query)


def at_once(calls: Sequence[Call]) -> list[Answer]:
    """Make all `calls` together; their answers in the same order."""
    barrier = threading.Barrier(len(calls))

    def go(call: Call) -> Answer:
        barrier.wait(_PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))
