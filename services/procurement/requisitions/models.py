"""Requisitions: what a site asks for, who asked, who allowed it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Forbidden
from shared.money import Cents, UnitPrice


class Status(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


EDITABLE = (Status.DRAFT, Status.REJECTED)
OPEN = (Status.DRAFT, Status.SUBMITTED, Status.REJECTED)


class SelfApproval(Forbidden):
    """A requester may not approve their own requisition."""


class ApprovalLimitExceeded(Forbidden):
    """This requisition lies above your approval limit."""


class NotTheRequester(Forbidden):
    """Only its requester changes or submits a requisition."""


class NotAwaitingApproval(Conflict):
    """Only a submitted requisition can be approved or rejected."""


class NotEditable(Conflict):
    """Only a draft or a rejected requisition can be changed or submitted."""


class NotCancellable(Conflict):
    """What was ordered is no longer cancelled here; cancel the order."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approves, and up to which total."""

    id: UUID
    name: str
    limit: Decimal


class Requisition(HasId, LocationOwned, Versioned, Base):
    """What a site asks for. `total` is the sum of its lines at the prices of the day it was drafted or submitted."""

    __tablename__ = "requisition"
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "number"),
        Index("ix_requisition_newest", "organization_id", "location_id", "id"),
    )

    legal_entity_id: Mapped[UUID]
    number: Mapped[str]
    status: Mapped[str] = mapped_column(default=Status.DRAFT)
    requester_id: Mapped[UUID]
    requester_name: Mapped[str]
    need_by: Mapped[date | None]
    note: Mapped[str | None]
    total: Mapped[Decimal] = mapped_column(Cents)
    drafted_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    lines: Mapped[list["RequisitionLine"]] = relationship(
        order_by="RequisitionLine.position", cascade="all, delete-orphan", passive_deletes=True
    )

    def check_editable(self, by: UUID) -> None:
        """Raises NotTheRequester, NotEditable."""
        if by != self.requester_id:
            raise NotTheRequester(f"It is {self.requester_name}'s.")
        if self.status not in EDITABLE:
            raise NotEditable(f"It is {self.status}.")

    def submit(self, at: datetime) -> None:
        self.status, self.submitted_at = Status.SUBMITTED, at
        self.decided_by = self.decided_by_name = self.decided_at = self.decision_reason = None

    def approve(self, approver: Approver, at: datetime) -> bool:
        """False where the same approver approved before. Raises NotAwaitingApproval, SelfApproval,
        ApprovalLimitExceeded."""
        if self.status == Status.APPROVED and self.decided_by == approver.id:
            return False
        self._check_decidable(approver.id)
        if self.total > approver.limit:
            raise ApprovalLimitExceeded(
                f"Its total is {self.total}, your limit is {approver.limit:.2f}. Ask somebody with a higher limit.",
                limit=f"{approver.limit:.2f}",
                total=f"{self.total:.2f}",
            )
        self._decide(Status.APPROVED, approver.id, approver.name, at)
        return True

    def reject(self, by: UUID, name: str, reason: str, at: datetime) -> None:
        """Send it back to its requester. Raises NotAwaitingApproval, SelfApproval."""
        self._check_decidable(by)
        self._decide(Status.REJECTED, by, name, at)
        self.decision_reason = reason

    def cancel(self) -> None:
        """Raises NotCancellable."""
        if self.status not in OPEN:
            raise NotCancellable(f"It is {self.status}.")
        self.status = Status.CANCELLED

    def _check_decidable(self, by: UUID) -> None:
        if self.status != Status.SUBMITTED:
            raise NotAwaitingApproval(f"It is {self.status}.")
        if by == self.requester_id:
            raise SelfApproval("Ask another approver.")

    def _decide(self, status: Status, by: UUID, name: str, at: datetime) -> None:
        self.status, self.decided_by, self.decided_by_name, self.decided_at = status, by, name, at


class RequisitionLine(HasId, LocationOwned, Base):
    """So much of one item from one vendor. One `unit` holds unit_numerator / unit_denominator base units."""

    __tablename__ = "requisition_line"
    __table_args__ = (UniqueConstraint("organization_id", "location_id", "requisition_id", "position"),)

    requisition_id: Mapped[UUID] = mapped_column(ForeignKey("requisition.id", ondelete="CASCADE"))
    position: Mapped[int]
    item_id: Mapped[UUID]
    sku: Mapped[str]
    item_name: Mapped[str]
    item_class: Mapped[str]
    vendor_id: Mapped[UUID]
    vendor_sku: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    unit_numerator: Mapped[int]
    unit_denominator: Mapped[int]
    base_quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal] = mapped_column(UnitPrice)
    amount: Mapped[Decimal] = mapped_column(Cents)
