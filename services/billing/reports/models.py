"""Totals kept beside the lines they come from."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, EntityOwned, HasId
from shared.money import Cents


class PeriodTotal(HasId, EntityOwned, Base):
    """The totals of a closed month by account and site, so that a report need not add up its lines again."""

    __tablename__ = "period_total"
    __table_args__ = (
        UniqueConstraint(
            "organization_id",
            "legal_entity_id",
            "starts_on",
            "account_code",
            "location_id",
            postgresql_nulls_not_distinct=True,
        ),
    )

    starts_on: Mapped[date]
    account_code: Mapped[str]
    location_id: Mapped[UUID | None]
    debit: Mapped[Decimal] = mapped_column(Cents())
    credit: Mapped[Decimal] = mapped_column(Cents())
