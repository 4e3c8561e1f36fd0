"""A site's local time: instants of local times around clock changes, and the local days a shift touches."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Invalid


class NoSuchLocalTime(Invalid):
    """The clocks go forward then: this local time does not exist."""


class LocalTimeComesTwice(Invalid):
    """The clocks go back then: say which of the two is meant."""


def instant(local: datetime, zone: str, occurrence: int | None = None) -> datetime:
    """The UTC instant of a naive local time. `occurrence` 1 or 2 chooses where the clocks go back.

    Raises NoSuchLocalTime, LocalTimeComesTwice.
    """
    place = ZoneInfo(zone)
    first, second = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(place).replace(tzinfo=None) != local:
        raise NoSuchLocalTime(f"{local.isoformat(sep=' ', timespec='minutes')} in {zone}.")
    if first.utcoffset() != second.utcoffset() and occurrence is None:
        raise LocalTimeComesTwice(f"{local.isoformat(sep=' ', timespec='minutes')} in {zone}: send occurrence 1 or 2.")
    return (second if occurrence == 2 else first).astimezone(UTC)


def local(at: datetime, zone: str) -> datetime:
    """A naive local time, as a site's clock shows it."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def local_days(starts_at: datetime, ends_at: datetime, zone: str) -> tuple[date, ...]:
    """The local calendar days a shift touches; ending at midnight does not touch the next."""
    place = ZoneInfo(zone)
    first = starts_at.astimezone(place).date()
    last = (ends_at - timedelta(microseconds=1)).astimezone(place).date()
    return tuple(first + timedelta(days=offset) for offset in range((last - first).days + 1))


def week_of(day: date) -> Sequence[date]:
    """Monday and the Monday after it."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)
