"""What a row of a file says, and what is to become of each row."""

from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.billing.accounts.models import Details
from services.billing.charges.models import fingerprint
from shared.errors import Forbidden
from shared.identity import Context
from shared.money import cents

# A charge above this is a slip of the keyboard.
MOST = Decimal("1000000.00")
_ANYONE = UUID(int=0)


class NotAClinicalSystem(Forbidden):
    """Charges are sent by the clinical system alone."""


def check_may_send(context: Context) -> None:
    """The service's own check, should the door be wrong. Raises NotAClinicalSystem."""
    if context.plane != "clinical" or "clinical_system" not in context.roles:
        raise NotAClinicalSystem("The business side bills what care was given; it does not say so.")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is not taken: its number (from 1), the field, the reason. Never a value."""

    row: int
    field: str
    detail: str


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One understood row. `patient.name` is empty where the file does not give it."""

    number: int
    source_id: str
    service_on: date
    patient: Details
    code_system: str
    code: str
    modifiers: list[str]
    diagnosis_codes: list[str]
    item_class: str
    quantity: Decimal
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        return cents(self.quantity * self.unit_price)

    def fingerprint(self, account_id: UUID) -> bytes:
        """The same for a line that says the same about the same patient."""
        coded = (self.code_system, self.code, *self.modifiers, "|", *self.diagnosis_codes, "|", self.item_class)
        return fingerprint(account_id, self.service_on, *coded, self.quantity.normalize(), self.unit_price.normalize())

    def says_the_same(self, other: "Line") -> bool:
        """Of two rows of one file."""
        alike = self.fingerprint(_ANYONE) == other.fingerprint(_ANYONE)
        return alike and self.patient.external_id == other.patient.external_id


@dataclass(slots=True, repr=False)
class Plan:
    """What is to become of each line. `named`: what the file says of patients, `fresh`: new lines by source id."""

    named: dict[str, Details]
    fresh: dict[str, Line] = field(default_factory=dict)
    repeated: int = 0
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, line: Line, name: str, detail: str) -> None:
        self.faults.append(Fault(line.number, name, detail))

    def again(self, line: Line, same: bool, otherwise: str) -> None:
        """A line whose id is known: counted when it says the same, refused when not."""
        if same:
            self.repeated += 1
        else:
            self.refuse(line, "source_id", otherwise)

    def outcome(self, unreadable: list[Fault]) -> dict[str, Any]:
        """What an import says of itself: counts, amount, faults by row."""
        faults = sorted([*self.faults, *unreadable], key=lambda fault: fault.row)
        return {
            "accepted": len(self.fresh),
            "repeated": self.repeated,
            "rejected": len({fault.row for fault in faults}),
            "amount": sum((line.amount for line in self.fresh.values()), Decimal(0)),
            "errors": [asdict(fault) for fault in faults],
        }
