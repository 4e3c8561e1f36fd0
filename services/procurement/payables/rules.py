"""The three-way match: bill against order and receipts, and what a bill clears of the accrual. No database."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.money import cents


@dataclass(frozen=True, slots=True)
class Compared:
    """One billed order line. Quantities in base units; prices per unit of the order, `ratio` base units each.

    `received` in all, `billed_before` by other bills that matched or were approved.
    """

    pointer: str
    item: str
    unit: str
    ratio: Fraction
    billed: Decimal
    billed_before: Decimal
    received: Decimal
    billed_price: Decimal
    ordered_price: Decimal


@dataclass(frozen=True, slots=True)
class Accrual:
    """What one receipt line accrued: base units and money."""

    quantity: Decimal
    amount: Decimal


Hold = dict[str, str]


def match(lines: Sequence[Compared], goods: Decimal, charges: Decimal, *, price: Decimal, extra: Decimal) -> list[Hold]:
    """Why the bill is held: reasons as {code, pointer, detail}; none where it matches.

    quantity: never more than was received and not billed yet. price: at most the order's times (1 + `price`).
    charges: freight and tax at most the share `extra` of `goods`.
    """
    holds = [hold for line in lines for hold in (_quantity(line), _price(line, price)) if hold]
    if charges > cents(goods * extra):
        holds.append(_hold("charges", "", f"Freight and tax are {charges}, above {extra * 100:.0f}% of {goods}."))
    return holds


def _quantity(line: Compared) -> Hold | None:
    open_quantity = line.received - line.billed_before
    if line.billed <= open_quantity:
        return None
    return _hold(
        "quantity",
        line.pointer,
        f"{line.item}: {_in_unit(line.billed, line)} {line.unit} billed, "
        f"{_in_unit(open_quantity, line)} received and not billed yet.",
    )


def _price(line: Compared, tolerance: Decimal) -> Hold | None:
    if line.billed_price <= line.ordered_price * (1 + tolerance):
        return None
    return _hold(
        "price",
        line.pointer,
        f"{line.item}: {_money(line.billed_price)} per {line.unit} billed, {_money(line.ordered_price)} ordered "
        f"(tolerance {tolerance * 100:.1f}%).",
    )


def _money(price: Decimal) -> str:
    """The same text for the same price, read from a bill or from the database."""
    return f"{price:.2f}" if price == round(price, 2) else f"{price:.4f}"


def _in_unit(base: Decimal, line: Compared) -> str:
    quantity = Fraction(base) / line.ratio
    return str(quantity) if quantity.denominator == 1 else f"{float(quantity):.3f}"


def _hold(code: str, pointer: str, detail: str) -> Hold:
    return {"code": code, "pointer": pointer, "detail": detail}


def cleared(accruals: Sequence[Accrual], before: Decimal, quantity: Decimal) -> Decimal:
    """What `quantity` base units, after `before` of them, clear of the accruals, oldest first.

    The difference of rounded totals: all bills of a line together clear exactly what its receipts accrued.
    """
    return _accrued_up_to(accruals, before + quantity) - _accrued_up_to(accruals, before)


def _accrued_up_to(accruals: Sequence[Accrual], quantity: Decimal) -> Decimal:
    total = Decimal("0.00")
    for accrual in accruals:
        if quantity <= 0:
            break
        taken = min(quantity, accrual.quantity)
        total += accrual.amount if taken == accrual.quantity else cents(accrual.amount * taken / accrual.quantity)
        quantity -= taken
    return total
