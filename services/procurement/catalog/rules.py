"""Exact units, GTINs and the choice of a price: calculations without a database."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from uuid import UUID

from biip import BiipException
from biip.gtin import Gtin

from shared.errors import Invalid

MICRO = 1_000_000
_NAME = r"[A-Za-z][A-Za-z0-9 .-]{0,29}"
_LINK = re.compile(rf"(?P<ratio>[0-9]{{1,6}}(?:/[1-9][0-9]{{0,5}}|\.[0-9]{{1,6}})?) (?P<name>{_NAME})")
_FIRST = re.compile(_NAME)
LARGEST_RATIO = 1_000_000


class ItemClass(StrEnum):
    """What an item is, which says who buys it and who must approve it."""

    DRUG = "drug"
    BIOLOGIC = "biologic"
    DEVICE = "device"
    CLINICAL_SUPPLY = "clinical_supply"
    BUSINESS = "business"


# Which reserved decision (rules dataset) opens an item of a class to a clinical entity; `business` needs none.
DECISIONS = {
    ItemClass.DRUG: "procurement.formulary.approve",
    ItemClass.BIOLOGIC: "procurement.formulary.approve",
    ItemClass.DEVICE: "procurement.device.approve",
    ItemClass.CLINICAL_SUPPLY: "procurement.supply.clinical.approve",
}
CLINICAL = frozenset(DECISIONS)


class Storage(StrEnum):
    AMBIENT = "ambient"
    REFRIGERATED = "refrigerated"
    FROZEN = "frozen"


class BadUnitChain(Invalid):
    """Write units from the largest to the base unit, like `box > 10 vial > 100 unit`."""


class UnknownUnit(Invalid):
    """The item has no such unit."""


class NotExact(Invalid):
    """This quantity does not come out exactly in the base unit."""


class BadGtin(Invalid):
    """This is not a GTIN: 8, 12, 13 or 14 digits with a check digit."""


class PriceMissing(Invalid):
    """No vendor has a price for this unit on this day."""


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What an item is described by."""

    sku: str
    name: str
    item_class: str
    unit_chain: str
    description: str | None = None
    gtin: str | None = None
    manufacturer: str | None = None
    lot_tracked: bool = False
    storage: str = Storage.AMBIENT


@dataclass(frozen=True, slots=True)
class UnitChain:
    """`names` from the largest unit to the base unit; `in_base[name]` base units make one of it, exactly."""

    names: tuple[str, ...]
    in_base: dict[str, Fraction]

    @property
    def base(self) -> str:
        return self.names[-1]

    def ratio(self, unit: str) -> Fraction:
        """Base units in one `unit`. Raises UnknownUnit."""
        if unit not in self.in_base:
            raise UnknownUnit(f"There is no {unit!r}; the units are {', '.join(self.names)}.")
        return self.in_base[unit]


@lru_cache(maxsize=4096)
def unit_chain(text: str) -> UnitChain:
    """Read `box > 10 vial > 100 unit`; a ratio is a whole number, `5/2` or a decimal. Raises BadUnitChain."""
    first, *links = (part.strip() for part in text.split(">"))
    if not _FIRST.fullmatch(first):
        raise BadUnitChain(f"{first!r} is not a unit.")
    names, ratios = [first], []
    for link in links:
        match = _LINK.fullmatch(link)
        if not match or Fraction(match["ratio"]) <= 0:
            raise BadUnitChain(f"{link!r} is not a ratio and a unit.")
        names.append(match["name"])
        ratios.append(Fraction(match["ratio"]))
    if len(set(names)) != len(names):
        raise BadUnitChain("Every unit stands once.")
    return UnitChain(tuple(names), _in_base(names, ratios))


def _in_base(names: list[str], ratios: list[Fraction]) -> dict[str, Fraction]:
    size = Fraction(1)
    sizes = {names[-1]: size}
    for name, ratio in zip(reversed(names[:-1]), reversed(ratios), strict=True):
        size *= ratio
        sizes[name] = size
    if not Fraction(1, LARGEST_RATIO) <= size <= LARGEST_RATIO:
        raise BadUnitChain("The largest unit holds at most a million base units.")
    return sizes


def convert(quantity: Decimal, ratio: Fraction) -> Decimal:
    """`quantity` times `ratio`, at most six decimals. Raises NotExact rather than round."""
    exact = Fraction(quantity) * ratio
    millionths = exact * MICRO
    if millionths.denominator != 1:
        raise NotExact(f"It would be {exact} of them; order a multiple of {ratio.denominator}.")
    return Decimal(millionths.numerator).scaleb(-6).normalize()


def gtin(text: str | None) -> str | None:
    """The digits of a GTIN whose check digit holds (GS1 General Specifications 7.9). Raises BadGtin."""
    if not text:
        return None
    try:
        return str(Gtin.parse(text).value)
    except BiipException as error:
        raise BadGtin(str(error)) from error


@dataclass(frozen=True, slots=True)
class Offer:
    """A vendor's price for one unit of an item, in force from `starts_on`."""

    vendor_id: UUID
    vendor_code: str
    unit: str
    price: Decimal
    starts_on: date
    vendor_sku: str | None = None


def best_offer(offers: list[Offer], unit: str, vendor_id: UUID | None) -> Offer:
    """The cheapest vendor's newest price for `unit`, or that of the vendor asked for. Raises PriceMissing.

    All `offers` are in force on the day in question; a newer price of a vendor replaces an older one.
    """
    newest: dict[UUID, Offer] = {}
    for offer in sorted(offers, key=lambda offer: offer.starts_on):
        if offer.unit == unit and vendor_id in (None, offer.vendor_id):
            newest[offer.vendor_id] = offer
    if not newest:
        raise PriceMissing(f"There is no price per {unit} in force; record one or choose another unit or vendor.")
    return min(newest.values(), key=lambda offer: (offer.price, offer.vendor_code))
