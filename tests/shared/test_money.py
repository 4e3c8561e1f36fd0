"""Money is exact: what its unit cannot hold is refused, never rounded away."""

from decimal import Decimal
from typing import Any

import pytest

from shared.money import Cents, UnitPrice, cents


@pytest.mark.parametrize(
    ("kind", "amount", "stored"),
    [
        (Cents(), "1249.50", 124_950),
        (Cents(), "-0.01", -1),
        (Cents(), "0", 0),
        (Cents(), "12", 1_200),
        (Cents(), "92233720368547758.07", 2**63 - 1),
        (UnitPrice(), "0.0001", 1),
        (UnitPrice(), "54000.00", 540_000_000),
    ],
)
def test_an_amount_is_kept_as_whole_units_and_comes_back_as_it_was(kind: Any, amount: str, stored: int) -> None:
    assert kind.process_bind_param(Decimal(amount), None) == stored
    back = kind.process_result_value(stored, None)
    assert (back, back.as_tuple().exponent) == (Decimal(amount), kind.step.as_tuple().exponent)


@pytest.mark.parametrize(("kind", "amount"), [(Cents(), "0.005"), (Cents(), "1.001"), (UnitPrice(), "0.00001")])
def test_what_the_unit_cannot_hold_is_refused(kind: Any, amount: str) -> None:
    with pytest.raises(ValueError, match="is not a multiple of"):
        kind.process_bind_param(Decimal(amount), None)


def test_nothing_stays_nothing() -> None:
    assert Cents().process_bind_param(None, None) is None
    assert Cents().process_result_value(None, None) is None


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.00"), ("0.015", "0.02"), ("0.025", "0.02"), ("-0.015", "-0.02"), ("2.675", "2.68"), ("7", "7.00")],
)
def test_halves_go_to_the_even_cent(amount: str, rounded: str) -> None:
    assert str(cents(Decimal(amount))) == rounded
