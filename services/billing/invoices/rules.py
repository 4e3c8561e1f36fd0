"""What an invoice comes to: line amounts, sales tax by rule, and the entry that books it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from services.billing.items import ItemClass
from services.billing.ledger.chart import RETAIL_REVENUE, SALES_TAX, SERVICE_REVENUE
from services.billing.ledger.rules import Line
from services.billing.tax.models import TaxUnknown
from shared.money import CENT

REVENUE = {
    ItemClass.PROFESSIONAL_SERVICE: SERVICE_REVENUE,
    ItemClass.COSMETIC_SERVICE: SERVICE_REVENUE,
    ItemClass.DRUG: SERVICE_REVENUE,
    ItemClass.RETAIL: RETAIL_REVENUE,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A charge that waits to be invoiced."""

    id: UUID
    item_class: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """The tax rule in force for a class of items."""

    id: UUID
    rate: Decimal


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A charge and its tax, in money."""

    charge: Waiting
    rule: Rate
    tax: Decimal

    @property
    def amount(self) -> Decimal:
        return self.charge.amount


@dataclass(frozen=True, slots=True)
class Priced:
    """The lines of an invoice and what they come to."""

    lines: list[PricedLine]

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), Decimal("0.00"))

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def price(charges: Sequence[Waiting], rules: Mapping[str, Rate], place: str) -> Priced:
    """Tax each charge by the rule of its class, to the cent, half a cent up. Raises TaxUnknown: held, not guessed."""
    unknown = sorted({charge.item_class for charge in charges} - rules.keys())
    if unknown:
        raise TaxUnknown(f"No tax rule for {', '.join(unknown)} in {place}.", item_classes=unknown, place=place)
    paired = ((charge, rules[charge.item_class]) for charge in charges)
    return Priced([PricedLine(charge, rule, tax_on(charge.amount, rule.rate)) for charge, rule in paired])


def tax_on(amount: Decimal, rate: Decimal) -> Decimal:
    """`amount` times `rate` (a fraction), to the cent, half a cent up as the states' rate tables do."""
    return (amount * rate).quantize(CENT, rounding=ROUND_HALF_UP)


def revenue_lines(
    parts: Iterable[tuple[str, Decimal, Decimal]], location_id: UUID, *, reverse: bool = False
) -> list[Line]:
    """The revenue and tax side of an invoice: (item class, amount, tax) summed by account. Credits; debits to undo."""
    sums: dict[str, Decimal] = {}
    for item_class, amount, tax in parts:
        account = REVENUE[ItemClass(item_class)]
        sums[account] = sums.get(account, Decimal(0)) + amount
        sums[SALES_TAX] = sums.get(SALES_TAX, Decimal(0)) + tax
    side = "debit" if reverse else "credit"
    return [Line(account, location_id=location_id, **{side: total}) for account, total in sorted(sums.items()) if total]
