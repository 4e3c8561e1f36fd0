"""Which accounts a purchase touches, by class of item."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from services.billing.ledger import chart
from services.billing.ledger.rules import Line
from shared.contracts.procurement import ReceivedLine

# What is expensed at once; every other class goes into stock until it is used.
EXPENSED = {"business": chart.SUPPLIES_EXPENSE}
# Where the other side of a stock move stands, by its reason.
MOVES = {"usage": chart.SUPPLIES_USED, "waste": chart.WASTE}

SUPPLIES = "supplies"
VARIANCE = "purchase_price_variance"
COST_CATEGORIES = (SUPPLIES, "clinical_supplies", VARIANCE)

_ZERO = Decimal(0)


def account_of(item_class: str) -> str:
    """The account that takes a receipt of an item of this class."""
    return EXPENSED.get(item_class, chart.INVENTORY)


def category_of(item_class: str) -> str:
    """The cost category of an item of this class."""
    return SUPPLIES if item_class in EXPENSED else "clinical_supplies"


def receipt_lines(received: Iterable[ReceivedLine], location_id: UUID) -> list[Line]:
    """Dr stock or expense per account / Cr goods received not invoiced."""
    by_account: dict[str, Decimal] = {}
    for line in received:
        account = account_of(line.item_class)
        by_account[account] = by_account.get(account, _ZERO) + line.amount
    lines = [Line(code, debit=amount, location_id=location_id) for code, amount in sorted(by_account.items()) if amount]
    total = sum((line.debit for line in lines), _ZERO)
    return [*lines, Line(chart.RECEIVED_NOT_INVOICED, credit=total, location_id=location_id)]


def bill_lines(total: Decimal, accrued: Decimal, location_id: UUID) -> list[Line]:
    """Dr what the receipts accrued, Dr or Cr the price variance / Cr accounts payable."""
    variance = total - accrued
    sides = [
        Line(chart.RECEIVED_NOT_INVOICED, debit=accrued, location_id=location_id),
        Line(chart.PRICE_VARIANCE, max(variance, _ZERO), max(-variance, _ZERO), location_id),
        Line(chart.PAYABLES, credit=total, location_id=location_id),
    ]
    return [line for line in sides if line.debit or line.credit]


def move_lines(reason: str, value: Decimal, location_id: UUID) -> list[Line]:
    """Stock that went out (negative value) or came back, against what it was for."""
    other = MOVES.get(reason, chart.COUNT_DIFFERENCES)
    out, back = max(-value, _ZERO), max(value, _ZERO)
    return [Line(other, out, back, location_id), Line(chart.INVENTORY, back, out, location_id)]
