"""What a delivery is worth, what a scanned code says, when two deliveries are the same. No database."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from biip import BiipException
from biip.gs1_messages import GS1Message

from shared.errors import Invalid
from shared.money import cents


class UnreadableScan(Invalid):
    """This is not a GS1 code with a product number."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One lot of one order line, as counted at the door, in the order's unit. `scan` is a GS1 element string."""

    order_line_id: UUID
    quantity: Decimal
    lot: str | None = None
    expires_on: date | None = None
    scan: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What a GS1 code says: product, lot (AI 10), expiry (AI 17)."""

    gtin: str
    lot: str | None
    expires_on: date | None


def read_scan(text: str) -> Scan:
    """Read a GS1 element string such as `010952...10LOT<GS>17YYMMDD` (GS1 General Specifications 3). Raises
    UnreadableScan."""
    try:
        message = GS1Message.parse(text)
    except BiipException as error:
        raise UnreadableScan(str(error)) from error
    found = {string.ai.ai: string for string in message.element_strings}
    product = found["01"].gtin if "01" in found else None
    if product is None:
        raise UnreadableScan("It has no product number (01), or one whose check digit is wrong.")
    lot, expiry = found.get("10"), found.get("17")
    return Scan(product.value, lot.value if lot else None, expiry.date if expiry else None)


def same_product(scanned: str, known: str | None) -> bool:
    """Whether two GTINs name one product; leading zeros only say in how many digits one is written."""
    return known is not None and scanned.lstrip("0") == known.lstrip("0")


def amount(unit_price: Decimal, ratio: Fraction, before: Decimal, base_quantity: Decimal) -> Decimal:
    """What `base_quantity` more base units cost, after `before`: the difference of rounded totals, so that the parts
    of a delivery always sum to the price of the whole."""

    def up_to(quantity: Decimal) -> Decimal:
        exact = Fraction(quantity) / ratio * Fraction(unit_price)
        return cents(Decimal(exact.numerator) / Decimal(exact.denominator))

    return up_to(before + base_quantity) - up_to(before)


def fingerprint(lines: Iterable[Delivered]) -> str:
    """The same for two deliveries of the same lots and quantities, in whatever order they were counted."""
    texts = sorted(
        f"{line.order_line_id} {line.quantity.normalize():f} {line.lot or ''} {line.expires_on or ''}" for line in lines
    )
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def slip(text: str) -> str:
    """A packing slip's number as the same slip is always written."""
    return " ".join(text.split()).upper()
