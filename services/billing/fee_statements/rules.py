"""The formulas of a management fee. Each gives its working line by line; the fee is the sum of the `fee` lines."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.billing.fees.models import FeeTerms
from services.billing.fees.rules import COST_PLUS, FLAT, PERCENT_OF_GROSS
from shared.money import cents

_ZERO = Decimal("0.00")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the working. `base`, `cost` and `usage` lines show what the fee is figured from; `fee` lines add up.

    `amount` in money; `rate` a percentage, a unit price or a share of days, as the label says; `source_*` and
    `document` lead to the record behind the line.
    """

    section: Literal["base", "cost", "usage", "fee"]
    label: str
    amount: Decimal
    quantity: Decimal | None = None
    rate: Decimal | None = None
    on: date | None = None
    source_type: str | None = None
    source_id: UUID | None = None
    document: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The line as JSON; money and numbers as strings."""
        return {name: None if value is None else str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Working:
    """How a fee came about. `monthly` is the fee of a whole month, `items` the costs and usages it charges."""

    lines: list[Line]
    base: Decimal | None = None
    monthly: Decimal | None = None
    items: list[UUID] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        """The fee, never below zero."""
        return max(sum((line.amount for line in self.lines if line.section == "fee"), _ZERO), _ZERO)


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a month on which the agreement was in force, first to last, of `of` days."""

    first: date
    last: date
    of: int

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Revenue:
    """Gross revenue on one account: issued invoices without tax, less credit notes and refunds of revenue."""

    account_code: str
    name: str
    amount: Decimal
    entries: int


@dataclass(frozen=True, slots=True)
class Item:
    """A cost or a counted unit: `kind` is the category or the unit, `value` the amount or the quantity."""

    id: UUID
    kind: str
    value: Decimal
    on: date
    document: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What an earlier month's base became after its statement: the difference is charged or given back now."""

    month: str
    percent: Decimal
    stated: Decimal
    now: Decimal


def span(month: date, starts_on: date, ends_on: date | None) -> Span | None:
    """The days in force within the month of `month` (its first day), or None."""
    after = (month + timedelta(days=32)).replace(day=1)
    last_of_month = after - timedelta(days=1)
    first, last = max(month, starts_on), min(last_of_month, ends_on or last_of_month)
    return Span(first, last, last_of_month.day) if first <= last else None


def figure(
    terms: FeeTerms,
    days: Span,
    *,
    revenue: Sequence[Revenue] = (),
    items: Sequence[Item] = (),
    correction: Correction | None = None,
) -> Working:
    """The fee of one month under `terms`."""
    if terms.fee_model == FLAT:
        return _flat(terms.monthly_amount or _ZERO, days)
    if terms.fee_model == PERCENT_OF_GROSS:
        return _percent_of_gross(terms.percent or _ZERO, revenue, correction)
    if terms.fee_model == COST_PLUS:
        return _cost_plus(terms.percent or _ZERO, terms.cost_categories, items)
    return _metered({entry["unit"]: Decimal(entry["price"]) for entry in terms.menu}, items)


def _flat(monthly: Decimal, days: Span) -> Working:
    amount = cents(monthly * days.days / days.of)
    label = f"Monthly fee {monthly}, {days.days} of {days.of} days in force"
    return Working([Line("fee", label, amount, quantity=Decimal(days.days), rate=monthly)], monthly=monthly)


def _percent_of_gross(percent: Decimal, revenue: Sequence[Revenue], correction: Correction | None) -> Working:
    lines = [Line("base", f"{each.account_code} {each.name}, {each.entries} entries", each.amount) for each in revenue]
    base = sum((each.amount for each in revenue), _ZERO)
    lines.append(Line("fee", "Percentage of gross revenue", cents(base * percent / _HUNDRED), base, percent))
    if correction and correction.now != correction.stated:
        moved = correction.now - correction.stated
        label = f"Correction of {correction.month}: its base was {correction.stated} and is {correction.now}"
        lines.append(Line("fee", label, cents(moved * correction.percent / _HUNDRED), moved, correction.percent))
    return Working(lines, base=base)


def _cost_plus(mark_up: Decimal, allowable: Iterable[str], items: Sequence[Item]) -> Working:
    allowed = set(allowable)
    charged = [item for item in items if item.kind in allowed]
    lines = [
        Line(
            "cost",
            item.kind if item.kind in allowed else f"{item.kind}: not an allowable cost, left out",
            item.value,
            on=item.on,
            source_type="cost",
            source_id=item.id,
            document=item.document,
        )
        for item in items
    ]
    pool = sum((item.value for item in charged), _ZERO)
    lines.append(Line("fee", "Cost pool", pool))
    lines.append(Line("fee", "Mark-up on the cost pool", cents(pool * mark_up / _HUNDRED), pool, mark_up))
    return Working(lines, base=pool, items=[item.id for item in charged])


def _metered(prices: dict[str, Decimal], items: Sequence[Item]) -> Working:
    counted: dict[str, Decimal] = {}
    lines = []
    for item in items:
        if item.kind in prices:
            counted[item.kind] = counted.get(item.kind, Decimal(0)) + item.value
            lines.append(
                Line(
                    "usage",
                    item.kind,
                    cents(item.value * prices[item.kind]),
                    quantity=item.value,
                    on=item.on,
                    source_type="fee_usage",
                    source_id=item.id,
                    document=item.document,
                )
            )
    lines += [
        Line("fee", unit, cents(quantity * prices[unit]), quantity, prices[unit])
        for unit, quantity in sorted(counted.items())
    ]
    working = Working(lines, items=[item.id for item in items if item.kind in prices])
    return Working(working.lines, monthly=working.amount, items=working.items)


def disguised_percentage(fees: Sequence[Decimal], revenues: Sequence[Decimal]) -> float | None:
    """R-squared of six or more monthly fees against revenue, where it is above 0.8 (chk.disguised_percentage)."""
    if len(fees) < 6 or len(set(fees)) == 1 or len(set(revenues)) == 1:
        return None
    squared = statistics.correlation([float(fee) for fee in fees], [float(each) for each in revenues]) ** 2
    return squared if squared > 0.8 else None


def share_of_profit(fee: Decimal, profit_before_fee: Decimal) -> Decimal:
    """What part of the clinical entity's profit before the fee goes to the manager; all of it where there is none."""
    return Decimal(1) if profit_before_fee <= 0 else fee / profit_before_fee
