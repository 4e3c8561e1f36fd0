"""Charges: billed once, corrected by their provider only, and only before they are billed."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict
from shared.money import Cents, UnitPrice, cents


class AlreadyBilled(Conflict):
    """This charge stands on an invoice; credit that first."""


class ChargeVoided(Conflict):
    """This charge was entered in error and is no more."""


class ChargeStatus(StrEnum):
    BILLABLE = "billable"
    INVOICED = "invoiced"
    VOID = "void"


class Charge(HasId, LocationOwned, Versioned, Base):
    """One thing done or sold, as the clinical system says. Codes only: no text about a diagnosis or a treatment."""

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "source_system", "source_id"),
        CheckConstraint("quantity > 0 and amount >= 0", name="amounts"),
        Index("ix_charge_billable", "location_id", "account_id", postgresql_where=text("status = 'billable'")),
        Index("ix_charge_location_id_id", "location_id", "id"),
    )

    legal_entity_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("patient_account.id"))
    import_id: Mapped[UUID]
    source_system: Mapped[str]
    source_id: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    service_on: Mapped[date]
    code_system: Mapped[str]
    code: Mapped[str]
    modifiers: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    diagnosis_codes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    item_class: Mapped[str]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal] = mapped_column(UnitPrice)
    amount: Mapped[Decimal] = mapped_column(Cents)
    status: Mapped[str] = mapped_column(default=ChargeStatus.BILLABLE)
    invoice_id: Mapped[UUID | None] = mapped_column(index=True)

    def release(self) -> None:
        """Its invoice was credited in full, to be billed again."""
        self.status, self.invoice_id = ChargeStatus.BILLABLE, None

    def correct(
        self, code: str | None, modifiers: list[str] | None, quantity: Decimal | None, unit_price: Decimal | None
    ) -> None:
        """Replace what is given; the amount follows."""
        self._still_open()
        self.code = self.code if code is None else code
        self.modifiers = self.modifiers if modifiers is None else modifiers
        self.quantity = self.quantity if quantity is None else quantity
        self.unit_price = self.unit_price if unit_price is None else unit_price
        self.amount = cents(self.quantity * self.unit_price)

    def void(self) -> None:
        """It was entered in error."""
        self._still_open()
        self.status = ChargeStatus.VOID

    def _still_open(self) -> None:
        if self.status == ChargeStatus.INVOICED:
            raise AlreadyBilled("A credit note with `rebill` makes it billable again.")
        if self.status == ChargeStatus.VOID:
            raise ChargeVoided("Send a new charge.")

    def coding(self) -> dict[str, Any]:
        """What a coding decision is about, for its record."""
        return {
            "code": self.code,
            "modifiers": list(self.modifiers),
            "quantity": format(self.quantity.normalize(), "f"),
            "unit_price": str(self.unit_price),
            "status": str(self.status),
        }


class ChargeRevision(HasId, LocationOwned, Base):
    """What a coding decision changed, and why. Stays with the charge: the decision register holds no codes."""

    __tablename__ = "charge_revision"
    __append_only__ = True

    charge_id: Mapped[UUID] = mapped_column(ForeignKey("charge.id"), index=True)
    decision_id: Mapped[UUID]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str]
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime]


def fingerprint(account_id: UUID, service_on: date, *parts: object) -> bytes:
    """Tells a charge sent again from one that was changed at its source. Holds the account's pseudonym only."""
    return hashlib.sha256("\x1f".join(map(str, (account_id, service_on, *parts))).encode()).digest()
