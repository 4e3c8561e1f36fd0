"""Items and what vendors ask for them."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict, Invalid
from shared.money import UnitPrice


class ItemStatus(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"


class ItemUnknown(Invalid):
    """There is no such item in the catalogue."""


class TooMuch(Invalid):
    """A line this large cannot be ordered."""


class PriceEnds(Invalid):
    """A price cannot end before it starts."""


class BaseUnitFixed(Conflict):
    """The base unit of an item never changes."""


class CannotBeOrdered(Conflict):
    """Some lines cannot be ordered as they are."""


class Item(HasId, OrganizationOwned, Versioned, Base):
    """Something that can be bought. `unit_chain` names its units from the largest to the base unit."""

    __tablename__ = "catalog_item"
    __table_args__ = (
        UniqueConstraint("organization_id", "sku"),
        Index(
            "uq_catalog_item_gtin", "organization_id", "gtin", unique=True, postgresql_where=text("gtin is not null")
        ),
    )

    sku: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    item_class: Mapped[str]
    unit_chain: Mapped[str]
    gtin: Mapped[str | None]
    manufacturer: Mapped[str | None]
    lot_tracked: Mapped[bool]
    storage: Mapped[str]
    status: Mapped[str] = mapped_column(default=ItemStatus.ACTIVE)


class VendorPrice(HasId, OrganizationOwned, Base):
    """What a vendor asks for one unit of an item, from a day on, until a last day or for good."""

    __tablename__ = "vendor_price"
    __table_args__ = (
        UniqueConstraint("organization_id", "item_id", "vendor_id", "unit", "starts_on"),
        CheckConstraint("ends_on is null or ends_on >= starts_on", name="ends_after_start"),
        CheckConstraint("price >= 0", name="not_negative"),
    )

    item_id: Mapped[UUID] = mapped_column(ForeignKey("catalog_item.id"))
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    vendor_sku: Mapped[str | None]
    unit: Mapped[str]
    price: Mapped[Decimal] = mapped_column(UnitPrice)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
