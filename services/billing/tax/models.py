"""Sales-tax rules: a rate per state, locality and item class from a day on, with its source."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned
from shared.errors import Conflict


class TaxUnknown(Conflict):
    """Held: nobody has said how this is taxed here."""


class TaxRule(HasId, OrganizationOwned, Base):
    """How a class of items is taxed in a place from a day on. A locality's own rule goes before its state's.

    Never changed: a correction of the same day is a higher `revision`. A rate of 0 means: known to be exempt.
    """

    __tablename__ = "tax_rule"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("organization_id", "state", "locality", "item_class", "effective_from", "revision"),
        CheckConstraint("rate >= 0 and rate < 1", name="rate"),
    )

    state: Mapped[str]
    locality: Mapped[str]  # "" is the whole state
    item_class: Mapped[str]
    effective_from: Mapped[date]
    revision: Mapped[int]
    rate: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    source: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime]
