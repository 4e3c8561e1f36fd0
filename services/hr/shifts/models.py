"""Shifts of a site, and the named overrides that let one pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.hr.readiness.rules import Missing
from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Forbidden, Invalid

LONGEST = timedelta(hours=24)


class ShiftStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class NotADraft(Conflict):
    """Only a draft can be changed or published."""


class NotPublished(Conflict):
    """This shift is not published."""


class BadSpan(Invalid):
    """A shift ends after it begins and lasts at most 24 hours."""


class NotReady(Conflict):
    """This shift cannot be published: something is not in order."""


class CannotBeOverridden(Forbidden):
    """This is law or the owner's decision: nobody lets it pass."""


class NothingToOverride(Conflict):
    """This is not missing."""


class OverriddenByBusiness(Forbidden):
    """What a clinician lacks is let pass by the clinical side only."""


class Shift(HasId, LocationOwned, Versioned, Base):
    """Somebody works at a site from one instant to another; `works_on` is the local day on which it begins."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="span"),
        Index("ix_shift_place", "organization_id", "location_id", "starts_at", "id"),
        Index("ix_shift_person", "organization_id", "person_id", "starts_at"),
    )

    person_id: Mapped[UUID]
    person_name: Mapped[str]
    employment_id: Mapped[UUID]
    position: Mapped[str]
    clinical: Mapped[bool]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    works_on: Mapped[date]
    time_zone: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    published_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]

    def set_span(self, starts_at: datetime, ends_at: datetime, works_on: date) -> None:
        """Say when (UTC instants)."""
        if not timedelta(0) < ends_at - starts_at <= LONGEST:
            raise BadSpan("")
        self.must_be_draft()
        self.starts_at, self.ends_at, self.works_on = starts_at, ends_at, works_on

    def must_be_draft(self) -> None:
        """Raises NotADraft."""
        if self.status != ShiftStatus.DRAFT:
            raise NotADraft(f"It is {self.status}.")

    def publish(self, by: UUID, at: datetime) -> None:
        """Put it on the roster."""
        self.must_be_draft()
        self.status, self.published_by, self.published_at, self.reason = ShiftStatus.PUBLISHED, by, at, None

    def unpublish(self, reason: str) -> None:
        """Take it back to draft."""
        if self.status != ShiftStatus.PUBLISHED:
            raise NotPublished(f"It is {self.status}.")
        self.status, self.published_by, self.published_at, self.reason = ShiftStatus.DRAFT, None, None, reason

    def cancel(self, reason: str) -> bool:
        """Give it up for good; returns whether it had been published."""
        if self.status == ShiftStatus.CANCELLED:
            raise NotADraft("It is cancelled.")
        was_published = self.status == ShiftStatus.PUBLISHED
        self.status, self.reason = ShiftStatus.CANCELLED, reason
        return was_published


class ShiftOverride(HasId, LocationOwned, Base):
    """Somebody let a shift pass without one thing that no law asks for, and said why."""

    __tablename__ = "shift_override"
    __append_only__ = True
    __table_args__ = (UniqueConstraint("organization_id", "location_id", "shift_id", "item"),)

    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shift.id"))
    item: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Rostered:
    """A shift, and what lapsed since it was published."""

    shift: Shift
    off_because: Sequence[Missing]

    @property
    def on_roster(self) -> bool:
        return self.shift.status == ShiftStatus.PUBLISHED and not self.off_because
