"""What a credit note takes off each line of an invoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.billing.credit_notes.models import MoreThanTheLine, NothingToCredit, UnknownLine
from services.billing.invoices.models import InvoiceLine
from services.billing.invoices.rules import tax_on

NOTHING = (Decimal(0), Decimal(0))
Taken = Mapping[UUID, tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Part:
    """So much of an invoice line, and of its tax."""

    line: InvoiceLine
    amount: Decimal
    tax: Decimal


def whole(lines: Sequence[InvoiceLine], taken: Taken) -> list[Part]:
    """All that is left of every line. `taken`: what earlier credit notes took, (amount, tax) by line.

    Raises NothingToCredit.
    """
    parts = [_rest(line, taken) for line in lines]
    if taken and not any(part.amount or part.tax for part in parts):
        raise NothingToCredit("See its credit notes.")
    return parts


def some(lines: Sequence[InvoiceLine], taken: Taken, asked: Sequence[tuple[UUID, Decimal]]) -> list[Part]:
    """These amounts of these lines, each with its share of the tax; the last part of a line takes the tax that is left.

    Raises UnknownLine, MoreThanTheLine.
    """
    known = {line.id: line for line in lines}
    if len({line_id for line_id, _ in asked}) < len(asked) or any(line_id not in known for line_id, _ in asked):
        raise UnknownLine("Name each line of the invoice once.")
    return [_part(known[line_id], taken, amount) for line_id, amount in asked]


def _rest(line: InvoiceLine, taken: Taken) -> Part:
    amount, tax = taken.get(line.id, NOTHING)
    return Part(line, line.amount - amount, line.tax - tax)


def _part(line: InvoiceLine, taken: Taken, amount: Decimal) -> Part:
    rest = _rest(line, taken)
    if amount > rest.amount:
        raise MoreThanTheLine(f"{rest.amount} is left of line {line.position}.", left=str(rest.amount))
    return rest if amount == rest.amount else Part(line, amount, min(rest.tax, tax_on(amount, line.tax_rate)))
