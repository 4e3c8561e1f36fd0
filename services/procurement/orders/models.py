"""Purchase orders, their lines and their earlier versions."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Forbidden, Invalid
from shared.money import Cents, UnitPrice


class OrderStatus(StrEnum):
    PLACED = "placed"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


AWAITING = (OrderStatus.PLACED, OrderStatus.PARTLY_RECEIVED)


class NotAwaitingGoods(Conflict):
    """This order awaits no goods."""


class AlreadyReceived(Conflict):
    """Goods of this order arrived already; close it instead of cancelling it."""


class NothingToClose(Conflict):
    """Only an order of which something was received can be closed."""


class BelowReceived(Conflict):
    """An order cannot ask for less than what has arrived."""


class OverReceipt(Conflict):
    """More arrived than was ordered, beyond the tolerance."""


class RevisionByRequester(Forbidden):
    """The requester of an order does not revise it."""


class RevisionAboveLimit(Forbidden):
    """The revised order lies above your approval limit."""


class NoSuchLine(Invalid):
    """The order has no such line."""


class PurchaseOrder(HasId, LocationOwned, Versioned, Base):
    """An order to one vendor in the name of `legal_entity_id`, delivered to the location. `revision` counts what the
    vendor was sent; `total` is stored because lists and reports read it."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        Index("ix_purchase_order_newest", "organization_id", "location_id", "id"),
        Index("ix_purchase_order_requisition", "organization_id", "location_id", "requisition_id"),
    )

    legal_entity_id: Mapped[UUID]
    buyer_name: Mapped[str]
    number: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    requisition_id: Mapped[UUID]
    requester_id: Mapped[UUID]
    vendor_id: Mapped[UUID]
    vendor_name: Mapped[str]
    status: Mapped[str] = mapped_column(default=OrderStatus.PLACED)
    ordered_on: Mapped[date]
    month: Mapped[date]
    need_by: Mapped[date | None]
    total: Mapped[Decimal] = mapped_column(Cents)
    placed_at: Mapped[datetime]
    closed_reason: Mapped[str | None]

    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.position")

    def check_awaiting(self) -> None:
        """Raises NotAwaitingGoods."""
        if self.status not in AWAITING:
            raise NotAwaitingGoods(f"It is {self.status}.")

    def line(self, line_id: UUID) -> "OrderLine":
        """Raises NoSuchLine."""
        found = next((line for line in self.lines if line.id == line_id), None)
        if found is None:
            raise NoSuchLine(str(line_id))
        return found

    def arrived(self) -> None:
        """Say how far it has come."""
        if all(line.received >= line.base_quantity for line in self.lines):
            self.status = OrderStatus.RECEIVED
        elif any(line.received for line in self.lines):
            self.status = OrderStatus.PARTLY_RECEIVED

    def check_revisable(self, by: UUID) -> None:
        """Raises NotAwaitingGoods, RevisionByRequester."""
        self.check_awaiting()
        if by == self.requester_id:
            raise RevisionByRequester("Ask the buyer.")

    def check_limit(self, limit: Decimal) -> None:
        """Raises RevisionAboveLimit."""
        if self.total > limit:
            raise RevisionAboveLimit(f"Its total is {self.total}, your limit is {limit:.2f}.")

    def cancel(self, reason: str) -> None:
        """Raises AlreadyReceived, NotAwaitingGoods."""
        if self.status in (OrderStatus.PARTLY_RECEIVED, OrderStatus.RECEIVED):
            raise AlreadyReceived(f"It is {self.status}.")
        self.check_awaiting()
        self.status, self.closed_reason = OrderStatus.CANCELLED, reason

    def close(self, reason: str) -> None:
        """Nothing more is expected. Raises NothingToClose."""
        if self.status not in (OrderStatus.PARTLY_RECEIVED, OrderStatus.RECEIVED):
            raise NothingToClose(f"It is {self.status}.")
        self.status, self.closed_reason = OrderStatus.CLOSED, reason


class OrderLine(HasId, LocationOwned, Base):
    """So much of one item. One `unit` holds unit_numerator / unit_denominator base units, as agreed that day."""

    __tablename__ = "purchase_order_line"
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "order_id", "position"),
        CheckConstraint("received >= 0", name="received_not_negative"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("purchase_order.id"))
    position: Mapped[int]
    item_id: Mapped[UUID]
    sku: Mapped[str]
    item_name: Mapped[str]
    item_class: Mapped[str]
    vendor_sku: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    unit_numerator: Mapped[int]
    unit_denominator: Mapped[int]
    base_quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal] = mapped_column(UnitPrice)
    amount: Mapped[Decimal] = mapped_column(Cents)
    received: Mapped[Decimal] = mapped_column(default=Decimal(0))

    @property
    def ratio(self) -> Fraction:
        """Base units in one unit."""
        return Fraction(self.unit_numerator, self.unit_denominator)

    def receive(self, base_quantity: Decimal, tolerance: Decimal) -> None:
        """Count what arrived, in base units; the order's row is locked. Raises OverReceipt."""
        most = self.base_quantity * (1 + tolerance)
        if self.received + base_quantity > most:
            raise OverReceipt(
                f"{self.item_name}: {plain(self.received)} of {plain(self.base_quantity)} arrived before; "
                f"{plain(base_quantity)} more is above what may be received."
            )
        self.received += base_quantity

    def revise(self, quantity: Decimal, base_quantity: Decimal) -> None:
        """Raises BelowReceived."""
        if base_quantity < self.received:
            raise BelowReceived(f"{self.item_name}: {plain(self.received)} arrived.")
        self.quantity, self.base_quantity = quantity, base_quantity


def plain(quantity: Decimal) -> str:
    """A quantity without trailing zeros or exponent."""
    return format(quantity.normalize(), "f")


class OrderVersion(HasId, LocationOwned, Base):
    """What an order said before it was revised."""

    __tablename__ = "purchase_order_version"
    __table_args__ = (UniqueConstraint("organization_id", "location_id", "order_id", "revision"),)
    __append_only__ = True

    order_id: Mapped[UUID] = mapped_column(ForeignKey("purchase_order.id"))
    revision: Mapped[int]
    total: Mapped[Decimal] = mapped_column(Cents)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    replaced_by: Mapped[UUID]
    replaced_by_name: Mapped[str]
    replaced_at: Mapped[datetime]
    reason: Mapped[str]
