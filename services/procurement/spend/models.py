"""What was ordered for a site in a month."""

from datetime import date
from decimal import Decimal

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, LocationOwned
from shared.money import Cents


class SpendMonth(HasId, LocationOwned, Base):
    """Orders of a site in a month that were not cancelled, and the sum of their totals: counted as orders change,
    because adding them up costs more with every order."""

    __tablename__ = "spend_month"
    __table_args__ = (UniqueConstraint("organization_id", "location_id", "month"),)

    month: Mapped[date]
    orders: Mapped[int]
    total: Mapped[Decimal] = mapped_column(Cents)
