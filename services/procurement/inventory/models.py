"""Stock: append-only moves. What is on hand is their sum; no row holds a balance."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, LocationOwned
from shared.errors import Conflict, Forbidden, Invalid
from shared.money import Cents


class Reason(StrEnum):
    RECEIPT = "receipt"
    USAGE = "usage"
    WASTE = "waste"
    COUNT = "count"


class NotEnoughStock(Conflict):
    """There is not so much on hand."""


class LotExpired(Conflict):
    """An expired lot is not used; record it as waste."""


class LotExpiryDiffers(Conflict):
    """A lot has one expiry date."""


class LotMissing(Invalid):
    """A lot-tracked item needs its lot and expiry date; another item has none."""


class WitnessNeeded(Forbidden):
    """Somebody else must witness the waste of a drug or biologic."""


class StockMove(HasId, LocationOwned, Base):
    """So much came or went, in base units, with its cost. `lot` is empty for items without lots."""

    __tablename__ = "stock_move"
    __table_args__ = (
        Index("ix_stock_move_on_hand", "organization_id", "location_id", "item_id", "lot"),
        UniqueConstraint("organization_id", "location_id", "receipt_line_id"),
    )
    __append_only__ = True

    legal_entity_id: Mapped[UUID]
    item_id: Mapped[UUID]
    item_class: Mapped[str]
    lot: Mapped[str]
    expires_on: Mapped[date | None]
    quantity: Mapped[Decimal]
    value: Mapped[Decimal] = mapped_column(Cents)
    reason: Mapped[str]
    note: Mapped[str | None]
    receipt_line_id: Mapped[UUID | None]
    moved_by: Mapped[UUID]
    witnessed_by: Mapped[UUID | None]
    moved_at: Mapped[datetime]
