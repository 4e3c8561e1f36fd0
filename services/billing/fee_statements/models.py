"""Monthly statements of a management fee, the usage behind them, and what they have charged."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from services.billing.fees.models import Decided
from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class FutureMonth(Invalid):
    """A month that has not begun has no fee."""


class NotInForce(Conflict):
    """There is no fee for a month in which the agreement was not in force."""


class NoTermsInForce(Conflict):
    """The clinical-entity owner has approved no terms for this month."""


class AmountDiffers(Conflict):
    """The amount to be approved is not the amount of the statement."""


class FeeStatement(Decided, HasId, EntityOwned, Versioned, Base):
    """The fee of one agreement for one month, with its working. What was approved stands in both books."""

    __tablename__ = "fee_statement"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        # A refused statement makes room for another draft.
        Index(
            "uq_fee_statement_month",
            "organization_id",
            "legal_entity_id",
            "agreement_id",
            "month",
            unique=True,
            postgresql_where=text("status <> 'refused'"),
        ),
    )

    number: Mapped[str]
    agreement_id: Mapped[UUID]
    mso_id: Mapped[UUID]
    terms_id: Mapped[UUID]
    fee_model: Mapped[str]
    month: Mapped[date]
    base: Mapped[Decimal | None] = mapped_column(Cents())
    amount: Mapped[Decimal] = mapped_column(Cents())
    working: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    charged: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    drafted_by: Mapped[UUID]
    drafted_at: Mapped[datetime]

    @property
    def period(self) -> str:
        """`2026-11`."""
        return f"{self.month:%Y-%m}"

    def check_amount(self, amount: Decimal) -> None:
        """Who approves names the amount: nobody approves a statement they did not read. Raises AmountDiffers."""
        if amount != self.amount:
            raise AmountDiffers(f"The statement is over {self.amount}.", amount=str(self.amount))


class FeeUsage(HasId, EntityOwned, Base):
    """Counted units of an administrative service behind a per-service or hourly fee (usage log, time log)."""

    __tablename__ = "fee_usage"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "agreement_id", "reference"),
        CheckConstraint("quantity <> 0", name="counted"),
    )

    agreement_id: Mapped[UUID]
    unit: Mapped[str]
    quantity: Mapped[Decimal]
    performed_on: Mapped[date]
    reference: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime]


class BilledItem(HasId, EntityOwned, Base):
    """A cost or a usage that an approved statement charged, so that none is charged twice."""

    __tablename__ = "billed_item"
    __append_only__ = True
    __table_args__ = (UniqueConstraint("organization_id", "legal_entity_id", "item_id"),)

    item_id: Mapped[UUID]
    statement_id: Mapped[UUID]
