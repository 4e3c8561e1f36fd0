"""Waiting for what comes in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 20, pause: float = 0.05) -> T:
    """What `look` returned as soon as that was true, or last when the seconds were over.

    Once is enough: nobody looks again afterwards, for what is seen by chance or passes may be gone by then.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(pause)
    return found
