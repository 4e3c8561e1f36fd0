"""The tolerances of an organization."""

from decimal import Decimal

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from shared.db import Base, HasId, OrganizationOwned, Versioned


class Tolerances(HasId, OrganizationOwned, Versioned, Base):
    """How far receipts and bills may go beyond the order, as shares (`0.05` is five percent)."""

    __tablename__ = "procurement_tolerances"
    __table_args__ = (UniqueConstraint("organization_id"),)

    over_receipt: Mapped[Decimal]
    bill_price: Mapped[Decimal]
    extra_charges: Mapped[Decimal]
