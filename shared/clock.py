"""The product's only clock: aware UTC instants, dates in a site's time zone, frozen or stepped in tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_frozen: datetime | None = None


def now() -> datetime:
    """The present instant, aware, UTC. `CLOCK_OFFSET_SECONDS` steps it (fault harness), `frozen` stops it (tests)."""
    if _frozen is not None:
        return _frozen
    return datetime.now(UTC) + _offset()


def today(zone: str = "UTC") -> date:
    """The calendar day it is now in `zone` (IANA name)."""
    return now().astimezone(ZoneInfo(zone)).date()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Within the block the clock stands still at `at` (aware)."""
    global _frozen
    before, _frozen = _frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before


def _offset() -> timedelta:
    return timedelta(seconds=float(os.environ.get("CLOCK_OFFSET_SECONDS", "0")))
