"""Costs the management company bore for a site: the pool that a cost-plus fee is figured from."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, LocationOwned
from shared.money import Cents


class CostFact(HasId, LocationOwned, Base):
    """One cost in the MSO's books for a location. It belongs to the site, so that who pays for it can see it too."""

    __tablename__ = "cost_fact"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("organization_id", "location_id", "source_type", "source_id", name="uq_cost_fact_source"),
        Index("ix_cost_fact_month", "organization_id", "location_id", "incurred_on"),
    )

    mso_id: Mapped[UUID]
    category: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Cents())
    incurred_on: Mapped[date]
    source_type: Mapped[str]
    source_id: Mapped[UUID]
    document: Mapped[str]
    vendor_name: Mapped[str]
