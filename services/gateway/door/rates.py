"""Nobody takes the door for themselves: so many requests a second for each principal and each organization.

Each gateway process counts for itself, in memory.
"""

import threading
import time
from collections.abc import Callable
from operator import attrgetter
from uuid import UUID

from prometheus_client import Counter

from services.gateway.principals.snapshot import Principal
from services.gateway.settings import RateLimits
from shared.errors import TooMany

SECOND = 1_000_000_000  # nanoseconds: whole numbers, so that nothing is lost by rounding
KEPT = 10_000
LIMITED = Counter("partywall_rate_limited_total", "Requests refused because too many came", ["of"])
for _whose in ("principal", "organization"):
    LIMITED.labels(_whose)  # seen as 0 before the first


class RateExceeded(TooMany):
    """More requests came than one caller, or one organization, may send in a second."""


class Rate:
    """Buckets of `per_second` requests (at least 1), one for each key. Not thread-safe.

    A bucket holds a second's worth. All that is kept of it is the instant (in nanoseconds) at which it will be full
    again; one that is full need not be kept.
    """

    def __init__(self, per_second: int, kept: int = KEPT) -> None:
        self._refill, self._kept = SECOND // per_second, kept
        self._full_at: dict[UUID, int] = {}
        self._sweep_at = 0

    def __len__(self) -> int:
        return len(self._full_at)

    def is_empty(self, key: UUID, at: int) -> bool:
        """Whether `key` has to wait; never longer than a second."""
        return self._full_at.get(key, at) + self._refill > at + SECOND

    def take(self, key: UUID, at: int) -> None:
        """Count one request."""
        self._full_at[key] = max(self._full_at.get(key, at), at) + self._refill
        if len(self._full_at) > self._kept and at >= self._sweep_at:
            self._full_at = {one: until for one, until in self._full_at.items() if until > at}
            self._sweep_at = at + SECOND


class Rates:
    """What `limits` allow. Thread-safe."""

    def __init__(self, limits: RateLimits, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock, self._lock = clock, threading.Lock()
        chosen = (
            ("principal", "id", limits.per_principal),
            ("organization", "organization_id", limits.per_organization),
        )
        self._rates = [(whose, attrgetter(key), Rate(per_second)) for whose, key, per_second in chosen if per_second]

    def count(self, principal: Principal) -> None:
        """Count a request; one that is refused costs nothing. Raises RateExceeded."""
        at = self._clock()
        with self._lock:
            for whose, key, rate in self._rates:
                if rate.is_empty(key(principal), at):
                    LIMITED.labels(whose).inc()
                    raise RateExceeded(f"Too many for one {whose}; go on in a second.")
            for _, key, rate in self._rates:
                rate.take(key(principal), at)
