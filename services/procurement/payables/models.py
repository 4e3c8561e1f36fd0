"""Vendors' bills, their lines and earlier versions."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Forbidden, Invalid
from shared.money import Cents, UnitPrice


class BillStatus(StrEnum):
    MATCHED = "matched"
    HELD = "held"
    APPROVED = "approved"
    CANCELLED = "cancelled"


OPEN = (BillStatus.MATCHED, BillStatus.HELD)


class BillDoesNotAddUp(Invalid):
    """A bill's total is the sum of its lines, freight and tax."""


class BillKnown(Conflict):
    """This vendor's bill was entered before."""


class BillHeld(Conflict):
    """The three-way match holds this bill."""


class BillSettled(Conflict):
    """An approved or cancelled bill is not changed."""


class NothingToRelease(Conflict):
    """Only a held bill is released."""


class NotReleasable(Conflict):
    """What was not received is not released: receive the goods, or have the bill corrected."""


class OwnBill(Forbidden):
    """Who entered or corrected a bill neither releases nor approves it."""


class BillAboveLimit(Forbidden):
    """This bill lies above your approval limit."""


class VendorBill(HasId, LocationOwned, Versioned, Base):
    """A vendor's bill for one order. `number` is the vendor's; `accrued` what receipts accrued for it (on approval)."""

    __tablename__ = "vendor_bill"
    __table_args__ = (
        Index(
            "uq_vendor_bill_number",
            *("organization_id", "vendor_id", "number"),
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        Index("ix_vendor_bill_newest", "organization_id", "location_id", "id"),
        Index("ix_vendor_bill_order", "organization_id", "location_id", "order_id"),
    )

    legal_entity_id: Mapped[UUID]
    vendor_id: Mapped[UUID]
    vendor_name: Mapped[str]
    number: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("purchase_order.id"))
    order_number: Mapped[str]
    billed_on: Mapped[date]
    due_on: Mapped[date]
    freight: Mapped[Decimal] = mapped_column(Cents)
    tax: Mapped[Decimal] = mapped_column(Cents)
    total: Mapped[Decimal] = mapped_column(Cents)
    accrued: Mapped[Decimal | None] = mapped_column(Cents)
    status: Mapped[str] = mapped_column(default=BillStatus.MATCHED)
    holds: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    released_holds: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    entered_by: Mapped[UUID]
    entered_at: Mapped[datetime]
    corrected_by: Mapped[UUID | None]
    released_by: Mapped[UUID | None]
    release_reason: Mapped[str | None]
    approved_by: Mapped[UUID | None]
    approved_by_name: Mapped[str | None]
    approved_at: Mapped[datetime | None]

    lines: Mapped[list["BillLine"]] = relationship(order_by="BillLine.position", cascade="all, delete-orphan")

    def check_open(self) -> None:
        """Raises BillSettled."""
        if self.status not in OPEN:
            raise BillSettled(f"It is {self.status}.")

    def matched(self, holds: list[dict[str, str]]) -> None:
        """Take the outcome of a match: held, unless somebody released exactly these reasons."""
        self.check_open()
        self.holds = holds
        self.status = BillStatus.HELD if self._unreleased() else BillStatus.MATCHED

    def release(self, by: UUID, reason: str) -> None:
        """Let a held bill pass in spite of its reasons. Raises NothingToRelease, OwnBill, NotReleasable."""
        if self.status != BillStatus.HELD:
            raise NothingToRelease(f"It is {self.status}.")
        self._check_other(by)
        if any(hold["code"] == "quantity" for hold in self.holds):
            raise NotReleasable("See holds.", errors=_errors(self.holds))
        self.released_holds, self.released_by, self.release_reason = self.holds, by, reason
        self.status = BillStatus.MATCHED

    def approve(self, by: UUID, name: str, limit: Decimal, at: datetime) -> bool:
        """False where the same person approved before. Raises BillSettled, BillHeld, OwnBill, BillAboveLimit."""
        if self.status == BillStatus.APPROVED and self.approved_by == by:
            return False
        self.check_open()
        self._check_other(by)
        if self._unreleased():
            raise BillHeld("See errors.", errors=_errors(self.holds))
        if self.total > limit:
            raise BillAboveLimit(f"Its total is {self.total}, your limit is {limit:.2f}.", limit=f"{limit:.2f}")
        self.status, self.approved_by, self.approved_by_name, self.approved_at = BillStatus.APPROVED, by, name, at
        return True

    def cancel(self) -> None:
        """Raises BillSettled."""
        self.check_open()
        self.status = BillStatus.CANCELLED

    def _unreleased(self) -> list[dict[str, str]]:
        return [hold for hold in self.holds if hold not in self.released_holds]

    def _check_other(self, by: UUID) -> None:
        if by in (self.entered_by, self.corrected_by):
            raise OwnBill("Ask somebody else.")


def _errors(holds: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"pointer": hold["pointer"], "detail": hold["detail"]} for hold in holds]


class BillLine(HasId, LocationOwned, Base):
    """What a bill asks for one order line, in the order's unit."""

    __tablename__ = "vendor_bill_line"
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "bill_id", "position"),
        Index("ix_vendor_bill_line_order_line", "organization_id", "location_id", "order_line_id"),
    )

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("vendor_bill.id"))
    position: Mapped[int]
    order_line_id: Mapped[UUID]
    quantity: Mapped[Decimal]
    base_quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal] = mapped_column(UnitPrice)
    amount: Mapped[Decimal] = mapped_column(Cents)


class BillVersion(HasId, LocationOwned, Base):
    """What a bill said, and why it was held, before it was corrected."""

    __tablename__ = "vendor_bill_version"
    __table_args__ = (UniqueConstraint("organization_id", "location_id", "bill_id", "revision"),)
    __append_only__ = True

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("vendor_bill.id"))
    revision: Mapped[int]
    number: Mapped[str]
    total: Mapped[Decimal] = mapped_column(Cents)
    holds: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    replaced_by: Mapped[UUID]
    replaced_at: Mapped[datetime]
