"""What an entry is before it is posted: its lines, and that they balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.billing.ledger.models import UnbalancedEntry
from shared.money import CENT

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry: an account, a debit or a credit in money, and the site it is for."""

    account_code: str
    debit: Decimal = _ZERO
    credit: Decimal = _ZERO
    location_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry to be posted. The same (legal_entity_id, source_type, source_id) is posted once.

    `link_id` joins the two sides of an inter-entity entry, `reverses` names the entry that a reversal undoes.
    """

    legal_entity_id: UUID
    posted_on: date
    source_type: str
    source_id: UUID
    memo: str
    lines: Sequence[Line]
    link_id: UUID | None = None
    reverses: UUID | None = None

    @property
    def total(self) -> Decimal:
        """Sum of the debits, which is the sum of the credits."""
        return sum((line.debit for line in self.lines), _ZERO)

    def check_balance(self) -> None:
        """Raises UnbalancedEntry."""
        inexact = [str(side) for line in self.lines for side in (line.debit, line.credit) if side % CENT]
        if inexact:
            raise UnbalancedEntry(f"{inexact[0]} is not an exact amount of cents.")
        debit, credit = self.total, sum((line.credit for line in self.lines), _ZERO)
        if len(self.lines) < 2 or debit != credit or debit <= 0:
            raise UnbalancedEntry(f"Debits are {debit}, credits {credit}, on {len(self.lines)} lines.")
