"""Training rules read as dates: whom a requirement asks, when it is first due, how long a completion holds.

The dataset speaks in the words of the law ("within 10 working days of assignment", "every 2 years"). What cannot be
read is due at once and says so: doubt never gives time.
"""

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shared.rules import Rule

SUPERVISES = "supervises_people"
WINDOW = timedelta(days=90)
_WITHIN = re.compile(r"within (\d+) (working day|day|week|month|year)s?\b")
_EVERY = re.compile(r"every (\d+) (month|year)s?\b")
_YEAR_FROM = re.compile(r"annual, (\d{1,2}) (\w+) to (\d{1,2}) (\w+)")


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody does somewhere: position, exposures, the site's state and locality, since when."""

    position: str
    exposures: frozenset[str]
    state: str
    locality: str | None
    since: date


@dataclass(frozen=True, slots=True)
class Due:
    """When a requirement is first due: `on` None means not before something that has not happened. `certain` is False
    where the words could not be read."""

    on: date | None
    certain: bool = True


def asked(training: Sequence[Rule], work: Work) -> list[Rule]:
    """The requirements that ask this work.

    A requirement that names roles and exposures asks whoever has either: the data does not say "both", and too much
    training is the safe side. Head-count thresholds are taken as met for the same reason.
    """
    return [entry for entry in training if _asks_work(entry.body, work) and _asks_place(entry, work, training)]


def _asks_work(body: dict[str, Any], work: Work) -> bool:
    roles, exposures = _roles(body), _exposures(body)
    by_role = "all" in roles or work.position in roles or ("supervisor" in roles and SUPERVISES in work.exposures)
    return by_role or bool(exposures & work.exposures)


def _asks_place(entry: Rule, work: Work, training: Sequence[Rule]) -> bool:
    states, locality = entry.body["states"], entry.body.get("locality")
    if locality and (work.locality or "").casefold() != str(locality).casefold():
        return False
    if states == "all" or work.state in states:
        return True
    # "others": the states that no other requirement of the same family names.
    return "others" in states and work.state not in _named_states(_family(entry), training)


def _named_states(family: str, training: Iterable[Rule]) -> set[str]:
    named = [entry.body["states"] for entry in training if _family(entry) == family and not entry.body.get("locality")]
    return {state for states in named if isinstance(states, list) for state in states}


def _family(entry: Rule) -> str:
    return entry.key.split(".", 1)[0]


def first_due(body: dict[str, Any], work: Work) -> Due:
    """When the requirement is first due for this work.

    "before ..." is due as the work begins; where it names exposures and this work has none of them, the thing it must
    precede has not come. No initial duty (training for a licence's renewal) is due with that renewal, not here.
    """
    words = body["frequency"]["initial"]
    if words is None or words is False:
        return Due(None)
    text = str(words).lower()
    if text.startswith("before "):
        exposures = _exposures(body)
        return Due(None if exposures and not exposures & work.exposures else work.since)
    if words is True or text == "at assignment":
        return Due(work.since)
    found = _WITHIN.match(text)
    return Due(_after(work.since, int(found[1]), found[2])) if found else Due(work.since, certain=False)


def valid_until(body: dict[str, Any], completed_on: date, previous_until: date | None = None) -> date | None:
    """The last day a completion counts; None where it need not be repeated.

    Law runs from the completion. Elsewhere a repetition in the last 90 days before the old proof ends keeps the
    anniversary. A fixed training year (Chicago: 1 July to 30 June) ends with the year after the one it was done in.
    Words that cannot be read ("with certificate renewal") give one year.
    """
    words = body["frequency"]["recurring"]
    if words is None or words is False or str(words) == "one time":
        return None
    text = str(words).lower()
    fixed = _YEAR_FROM.match(text)
    if fixed:
        return _end_of_next_year(completed_on, int(fixed[3]), fixed[4])
    months = period_months(text) or 12
    keeps = body["force"] != "law" and previous_until is not None
    if keeps and previous_until is not None and window_opens(previous_until) <= completed_on <= previous_until:
        return add_months(previous_until, months)
    return add_months(completed_on, months)


def window_opens(until: date) -> date:
    """From which day on a repetition is due for a proof that ends on `until`."""
    return until - WINDOW


def period_months(words: str) -> int | None:
    """The period that a rule's words name, in months; None where they name none."""
    text = words.lower()
    found = _EVERY.search(text) or _WITHIN.match(text)
    if found and found[2] in ("month", "year"):
        return int(found[1]) * (12 if found[2] == "year" else 1)
    if "annual" in text:
        return 12
    return 1 if "monthly" in text else None


def hours(body: dict[str, Any], *, supervises: bool) -> Decimal | None:
    """How many hours it takes at least; supervisors may need more."""
    needed = body.get("hours")
    if needed is None:
        return None
    if isinstance(needed, dict):
        if "supervisor" in needed:
            return Decimal(str(needed["supervisor" if supervises else "other"]))
        return sum((Decimal(str(part)) for part in needed.values()), Decimal(0))
    return Decimal(str(needed))


def is_hands_on(body: dict[str, Any]) -> bool:
    """Whether only the medical director signs it off (reserved decision hr.clinical_training.signoff)."""
    needed = body.get("hours")
    return "sign-off" in str(body["title"]).lower() or (isinstance(needed, dict) and "hands_on" in needed)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _after(day: date, count: int, unit: str) -> date:
    if unit == "working day":
        return _working_days_after(day, count)
    if unit in ("day", "week"):
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    return add_months(day, count * (12 if unit == "year" else 1))


def _working_days_after(day: date, count: int) -> date:
    # Public holidays are counted as working days: the date comes earlier, never later.
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _end_of_next_year(completed_on: date, last_day: int, last_month: str) -> date:
    month = list(calendar.month_name).index(last_month.capitalize())
    end = date(completed_on.year, month, last_day)
    return date(end.year + (1 if completed_on <= end else 2), month, last_day)


def _roles(body: dict[str, Any]) -> set[str]:
    return set(body["applies_to"].get("roles", []))


def _exposures(body: dict[str, Any]) -> set[str]:
    return set(body["applies_to"].get("exposures", []))
