"""Payments and where their money lies: on invoices, on account, or given back."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.frozen import frozen_but
from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class MoreThanPaid(Conflict):
    """This is more than is left of the payment."""


class MoreThanOnAccount(Conflict):
    """This is more than the payment has on account."""


class AllocatedTwice(Invalid):
    """An invoice stands twice in these allocations."""


class CardNumber(Invalid):
    """This looks like a card number; give the processor's reference instead."""


class Method(StrEnum):
    CASH = "cash"
    CARD = "card"
    CHECK = "check"
    ACH = "ach"
    FINANCING = "financing"


class Payment(HasId, LocationOwned, Versioned, Base):
    """Money that came in for an account.

    amount = allocated + `unallocated` (on account, a deposit) + `refunded`. Only the last two and the version change.
    """

    __tablename__ = "patient_payment"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("unallocated >= 0 and refunded >= 0 and unallocated + refunded <= amount", name="left"),
        Index("ix_patient_payment_day", "location_id", "received_on", "id"),
        Index("ix_patient_payment_account", "location_id", "account_id", "id"),
    )
    __guards__ = frozen_but("patient_payment", "unallocated", "refunded", "version")

    legal_entity_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("patient_account.id"))
    account_number: Mapped[str]
    method: Mapped[str]
    reference: Mapped[str | None]
    received_on: Mapped[date]
    received_by: Mapped[UUID]
    amount: Mapped[Decimal] = mapped_column(Cents())
    unallocated: Mapped[Decimal] = mapped_column(Cents())
    refunded: Mapped[Decimal] = mapped_column(Cents())

    @property
    def refundable(self) -> Decimal:
        return self.amount - self.refunded

    def allocate(self, amount: Decimal) -> None:
        """Put money on account against invoices. Raises MoreThanOnAccount."""
        if amount > self.unallocated:
            raise MoreThanOnAccount(f"{self.unallocated} is on account.", on_account=str(self.unallocated))
        self.unallocated -= amount

    def give_back(self, amount: Decimal) -> Decimal:
        """Money goes back, first what is on account; returns what must come off invoices. Raises MoreThanPaid."""
        if amount > self.refundable:
            raise MoreThanPaid(f"{self.refundable} of {self.amount} is left.", left=str(self.refundable))
        from_account = min(self.unallocated, amount)
        self.unallocated -= from_account
        self.refunded += amount
        return amount - from_account


class Allocation(HasId, LocationOwned, Base):
    """Money of a payment put against an invoice; negative where a refund took it off again."""

    __tablename__ = "patient_payment_allocation"
    __append_only__ = True
    __table_args__ = (CheckConstraint("(amount > 0) = (refund_id is null)", name="sign"),)

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("patient_payment.id"), index=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"), index=True)
    amount: Mapped[Decimal] = mapped_column(Cents())
    refund_id: Mapped[UUID | None]
    allocated_at: Mapped[datetime]
