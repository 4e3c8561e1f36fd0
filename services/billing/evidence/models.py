"""Evidence behind a management fee. It is recorded once and never changed; a newer one takes its place."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from shared.db import Base, EntityOwned, HasId
from shared.errors import Invalid


class BadEvidence(Invalid):
    """This cannot stand as evidence."""


class Basis(StrEnum):
    """What the low, middle and high of an opinion measure."""

    MONTHLY_AMOUNT = "monthly_amount"
    PERCENT = "percent"


class Conclusion(StrEnum):
    """What counsel concludes of a fee model in a state."""

    PERMITTED = "permitted"
    NOT_PERMITTED = "not_permitted"


class FairMarketValueOpinion(HasId, EntityOwned, Base):
    """An independent opinion of the fair market value of a clinical entity's management fee."""

    __tablename__ = "fmv_opinion"
    __append_only__ = True
    __table_args__ = (
        Index("ix_fmv_opinion_model", "organization_id", "legal_entity_id", "fee_model", "valued_on"),
        CheckConstraint("low <= mid and mid <= high and low >= 0", name="band"),
    )

    fee_model: Mapped[str]
    valuator: Mapped[str]
    valued_on: Mapped[date]
    method: Mapped[str]
    basis: Mapped[str]
    low: Mapped[Decimal]
    mid: Mapped[Decimal]
    high: Mapped[Decimal]
    services_covered: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    expires_on: Mapped[date]
    document: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime]

    def check(self, today: date) -> None:
        """Raises BadEvidence."""
        if not self.low <= self.mid <= self.high:
            raise BadEvidence("Low, middle and high are not in order.")
        _check_dates(self.valued_on, self.expires_on, today)

    def is_current(self, on: date, max_age: timedelta) -> bool:
        """Given by `on`, not expired, and not older than the dataset allows."""
        return _current(self.valued_on, self.expires_on, on, max_age)


class CounselMemo(HasId, EntityOwned, Base):
    """What counsel for a state says of a fee model."""

    __tablename__ = "counsel_memo"
    __append_only__ = True
    __table_args__ = (
        Index("ix_counsel_memo_model", "organization_id", "legal_entity_id", "fee_model", "state", "written_on"),
    )

    state: Mapped[str]
    author: Mapped[str]
    written_on: Mapped[date]
    fee_model: Mapped[str]
    conclusion: Mapped[str]
    conditions: Mapped[str | None]
    expires_on: Mapped[date]
    document: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime]

    def check(self, today: date) -> None:
        """Raises BadEvidence."""
        _check_dates(self.written_on, self.expires_on, today)

    def is_current(self, on: date, max_age: timedelta) -> bool:
        """Written by `on`, not expired, and not older than the dataset allows."""
        return _current(self.written_on, self.expires_on, on, max_age)


def _check_dates(given_on: date, expires_on: date, today: date) -> None:
    if given_on > today + timedelta(days=1):
        raise BadEvidence(f"{given_on} is still to come.")
    if expires_on <= given_on:
        raise BadEvidence("It would expire before it was given.")


def _current(given_on: date, expires_on: date, on: date, max_age: timedelta) -> bool:
    return given_on <= on <= min(expires_on, given_on + max_age)
