"""Credit notes: numbered like invoices, never changed, never above what is open."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, LocationOwned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class NothingToCredit(Conflict):
    """Everything on this invoice is credited."""


class MoreThanTheLine(Conflict):
    """This is more than is left of the invoice line."""


class UnknownLine(Invalid):
    """This line is not on the invoice, or stands twice in the request."""


class RebillOfPart(Conflict):
    """Only an invoice that this credit note cancels whole can be billed again."""


class FreeCareNotDecided(Conflict):
    """Free care for a clinical reason is the medical director's decision: it follows a clinical refund."""


class CreditReason(StrEnum):
    """`clinical` gives free care, so it reaches only as far as clinical refunds that were decided and paid."""

    BILLING_ERROR = "billing_error"
    DUPLICATE = "duplicate"
    CODING_CORRECTION = "coding_correction"
    NOT_RENDERED = "not_rendered"
    CLINICAL = "clinical"


class CreditNote(HasId, LocationOwned, Base):
    """Lowers one invoice."""

    __tablename__ = "credit_note"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        CheckConstraint("total = subtotal + tax", name="total"),
        Index("ix_credit_note_location_id_id", "location_id", "id"),
        Index("ix_credit_note_issued", "legal_entity_id", "issued_on"),
    )

    legal_entity_id: Mapped[UUID]
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"), index=True)
    number: Mapped[str]
    issued_on: Mapped[date]
    issued_by: Mapped[UUID]
    reason: Mapped[str]
    rebill: Mapped[bool]
    subtotal: Mapped[Decimal] = mapped_column(Cents())
    tax: Mapped[Decimal] = mapped_column(Cents())
    total: Mapped[Decimal] = mapped_column(Cents())


class CreditNoteLine(HasId, LocationOwned, Base):
    """What a credit note takes off one invoice line."""

    __tablename__ = "credit_note_line"
    __append_only__ = True
    __table_args__ = (UniqueConstraint("organization_id", "credit_note_id", "invoice_line_id"),)

    credit_note_id: Mapped[UUID] = mapped_column(ForeignKey("credit_note.id"))
    invoice_line_id: Mapped[UUID] = mapped_column(ForeignKey("invoice_line.id"), index=True)
    item_class: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Cents())
    tax: Mapped[Decimal] = mapped_column(Cents())
