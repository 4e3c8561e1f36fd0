"""Refunds: asked for, decided by the medical director where care is the reason, then paid."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.frozen import frozen_but
from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict
from shared.money import Cents


class NotAwaitingDecision(Conflict):
    """This refund does not wait for a decision."""


class RefundNotApproved(Conflict):
    """This refund is not approved."""


class RefundPaidBefore(Conflict):
    """This refund was paid before."""


class RefundReason(StrEnum):
    """Only `clinical` is about care, and the medical director's to decide. No reason holds a word on the patient."""

    OVERPAYMENT = "overpayment"
    DUPLICATE = "duplicate"
    CANCELLED = "cancelled"
    CLINICAL = "clinical"


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    PAID = "paid"


class Refund(HasId, LocationOwned, Versioned, Base):
    """Money of one payment that is to go back the way it came."""

    __tablename__ = "patient_refund"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_patient_refund_day", "location_id", "paid_on", "id"),
        Index("ix_patient_refund_location_id_id", "location_id", "id"),
    )

    __guards__ = frozen_but("patient_refund", "status", "decision_id", "paid_by", "paid_on", "version")

    legal_entity_id: Mapped[UUID]
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("patient_payment.id"), index=True)
    method: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Cents())
    reason: Mapped[str]
    status: Mapped[str]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]
    decision_id: Mapped[UUID | None]
    paid_by: Mapped[UUID | None]
    paid_on: Mapped[date | None]

    def decide(self, approved: bool, decision_id: UUID) -> None:
        """Raises NotAwaitingDecision."""
        self.check_awaits_decision()
        self.status = RefundStatus.APPROVED if approved else RefundStatus.REFUSED
        self.decision_id = decision_id

    def check_awaits_decision(self) -> None:
        """Raises NotAwaitingDecision."""
        if self.status != RefundStatus.REQUESTED:
            raise NotAwaitingDecision(f"It is {self.status}.")

    def pay(self, by: UUID, on: date) -> None:
        """Raises RefundPaidBefore, RefundNotApproved."""
        if self.status == RefundStatus.PAID:
            raise RefundPaidBefore(f"On {self.paid_on}.")
        if self.status != RefundStatus.APPROVED:
            raise RefundNotApproved("A medical director of the entity decides on refunds for clinical reasons.")
        self.status, self.paid_by, self.paid_on = RefundStatus.PAID, by, on
