"""Money and quantities: exact decimals in Python, whole numbers in the database, strings in JSON."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.types import TypeDecorator

CENT = Decimal("0.01")
TEN_THOUSANDTH = Decimal("0.0001")


class _Scaled(TypeDecorator[Decimal]):
    """A Decimal kept as a whole number of its smallest unit; refuses what the unit cannot hold exactly."""

    impl = BigInteger
    step: Decimal

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        if value is None:
            return None
        scaled = Decimal(value) / self.step
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} is not a multiple of {self.step}")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(int(value)) * self.step


class Cents(_Scaled):
    """An amount of money, exact to the cent; stored as integer cents."""

    cache_ok = True  # SQLAlchemy asks each class for its own
    step = CENT


class UnitPrice(_Scaled):
    """A price per unit, exact to a ten-thousandth; stored as an integer."""

    cache_ok = True
    step = TEN_THOUSANDTH


def cents(amount: Decimal) -> Decimal:
    """Round half to even to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
