"""Lots on hand: which to take first, what is usable, what a move is worth. Calculations without a database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.money import cents


@dataclass(frozen=True, slots=True)
class Lot:
    """What one legal entity owns of one lot, in base units, and what it cost."""

    lot: str
    legal_entity_id: UUID
    expires_on: date | None
    quantity: Decimal
    value: Decimal

    def usable(self, on: date) -> bool:
        """Through its expiry day; `on` is the site's date."""
        return self.expires_on is None or on <= self.expires_on

    def cost_of(self, quantity: Decimal) -> Decimal:
        """Its share of the value; the last unit takes what is left, so that an empty lot is worth nothing."""
        return self.value if quantity == self.quantity else cents(self.value * quantity / self.quantity)


@dataclass(frozen=True, slots=True)
class Pick:
    """So much from this lot."""

    lot: Lot
    quantity: Decimal


def first_expired_first_out(lots: Iterable[Lot], quantity: Decimal, on: date | None) -> list[Pick]:
    """The soonest to expire first, until `quantity` is reached; fewer where stock does not suffice.

    Only lots usable on the site's date `on`; with None expired ones as well.
    """
    picks: list[Pick] = []
    eligible = [lot for lot in lots if lot.quantity > 0 and (on is None or lot.usable(on))]
    for lot in sorted(eligible, key=lambda lot: (lot.expires_on or date.max, lot.lot, lot.legal_entity_id)):
        if quantity <= 0:
            break
        taken = min(lot.quantity, quantity)
        picks.append(Pick(lot, taken))
        quantity -= taken
    return picks


def total(picks: Iterable[Pick]) -> Decimal:
    """Base units in all picks."""
    return sum((pick.quantity for pick in picks), Decimal(0))
