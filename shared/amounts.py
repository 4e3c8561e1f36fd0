"""Money as hand-written SQL sends and gets it: whole cents, prices in ten-thousandths.

What is sent has one type whatever its size: PostgreSQL plans a statement anew for each list of types.
"""

from decimal import Decimal

from psycopg.types.numeric import Int8

from shared.money import CENT, TEN_THOUSANDTH


def cents(amount: Decimal) -> Int8:
    """Raises ValueError for what is no exact amount of cents."""
    return _whole(amount, CENT)


def ten_thousandths(unit_price: Decimal) -> Int8:
    """Raises ValueError for what is finer."""
    return _whole(unit_price, TEN_THOUSANDTH)


def _whole(value: Decimal, step: Decimal) -> Int8:
    whole = value / step
    if whole != whole.to_integral_value():
        raise ValueError(f"{value} is not a multiple of {step}")
    return Int8(int(whole))


def money(whole_cents: int) -> Decimal:
    """The amount, with its two decimals."""
    return Decimal(whole_cents).scaleb(-2)


def unit_price(whole: int) -> Decimal:
    """The price per unit, with its four decimals."""
    return Decimal(whole).scaleb(-4)
