"""Goods receipts: what arrived, when, in which lots. Never changed once posted."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.db import Base, HasId, LocationOwned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class PackingSlipReused(Conflict):
    """This packing slip was received before, with other contents."""


class LotRequired(Invalid):
    """A lot-tracked item arrives with its lot and expiry date; another item has none."""


class ExpiredOnArrival(Conflict):
    """Goods past their expiry date are refused at the door."""


class NotYet(Invalid):
    """Goods are received on a day that has come."""


class WrongScan(Invalid):
    """The scanned code does not belong to this line."""


class Receipt(HasId, LocationOwned, Base):
    """Goods of one order that arrived with one packing slip. `amount` is at the order's prices; `fingerprint` tells a
    second scan of the same slip from another delivery under its number."""

    __tablename__ = "goods_receipt"
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "order_id", "packing_slip"),
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        Index("ix_goods_receipt_newest", "organization_id", "location_id", "id"),
    )
    __append_only__ = True

    legal_entity_id: Mapped[UUID]
    number: Mapped[str]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("purchase_order.id"))
    order_number: Mapped[str]
    vendor_id: Mapped[UUID]
    vendor_name: Mapped[str]
    packing_slip: Mapped[str]
    fingerprint: Mapped[str]
    received_on: Mapped[date]
    received_by: Mapped[UUID]
    received_by_name: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Cents)
    posted_at: Mapped[datetime]

    lines: Mapped[list["ReceiptLine"]] = relationship(order_by="ReceiptLine.position")

    def check_same(self, fingerprint: str) -> None:
        """Raises PackingSlipReused where the slip came with other contents."""
        if self.fingerprint != fingerprint:
            raise PackingSlipReused(f"It is {self.number}, posted {self.posted_at:%Y-%m-%d}.", receipt_id=str(self.id))


class ReceiptLine(HasId, LocationOwned, Base):
    """One lot of one order line. `quantity` in the order's unit, `base_quantity` in base units."""

    __tablename__ = "goods_receipt_line"
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "receipt_id", "position"),
        Index("ix_goods_receipt_line_order", "organization_id", "location_id", "order_id"),
    )
    __append_only__ = True

    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("goods_receipt.id"))
    position: Mapped[int]
    order_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    item_id: Mapped[UUID]
    sku: Mapped[str]
    item_name: Mapped[str]
    item_class: Mapped[str]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    base_quantity: Mapped[Decimal]
    lot: Mapped[str]
    expires_on: Mapped[date | None]
    amount: Mapped[Decimal] = mapped_column(Cents)
