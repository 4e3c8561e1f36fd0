"""Training: what the rules ask of a person, and the proof that it was done. Proof is never overwritten."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from services.hr.people.models import PersonOwned
from services.hr.training.rules import Due, window_opens
from shared.db import Base, HasId, Versioned
from shared.errors import Forbidden, Invalid
from shared.rules import Rule


class TooFewHours(Invalid):
    """The rule asks for more hours."""


class NotYetHappened(Invalid):
    """A training cannot be completed on a day that has not come."""


class HandsOnNeedsSignOff(Forbidden):
    """Hands-on training counts when the medical director signs it off."""


class TrainingAssignment(HasId, PersonOwned, Versioned, Base):
    """A requirement of the rules that asks this person. `basis` holds the rule's own words on when; `certain` is False
    where they could not be read and it is therefore due at once."""

    __tablename__ = "training_assignment"
    __table_args__ = (
        UniqueConstraint("organization_id", "person_id", "requirement"),
        Index("ix_training_assignment_due", "organization_id", "due_on"),
    )

    requirement: Mapped[str]
    title: Mapped[str]
    force: Mapped[str]
    citation: Mapped[str]
    source: Mapped[str | None]
    basis: Mapped[str]
    certain: Mapped[bool]
    assigned_on: Mapped[date]
    due_on: Mapped[date | None]
    hours: Mapped[Decimal | None]
    hands_on: Mapped[bool]
    dataset_version: Mapped[str]

    def complete(self, completed_on: date, hours: Decimal | None, today: date, *, signed_off: bool) -> None:
        """Check that a completion counts."""
        if self.hands_on and not signed_off:
            raise HandsOnNeedsSignOff(
                "Ask the medical director of the clinical entity.",
                policy="service.reserved-decision",
                why=self.title,
                source="hr.clinical_training.signoff",
            )
        if completed_on > today:
            raise NotYetHappened(f"Today is {today}.")
        if self.hours is not None and (hours is None or hours < self.hours):
            raise TooFewHours(f"At least {self.hours} ({self.citation}).")


class TrainingCompletion(HasId, PersonOwned, Base):
    """Proof that a training was done: when, how long, by whom, which certificate, until when it counts."""

    __tablename__ = "training_completion"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("organization_id", "person_id", "requirement", "completed_on"),
        UniqueConstraint("organization_id", "certificate"),
    )

    requirement: Mapped[str]
    completed_on: Mapped[date]
    hours: Mapped[Decimal | None]
    provider: Mapped[str]
    trainer: Mapped[str | None]
    certificate: Mapped[str]
    valid_until: Mapped[date | None]
    dataset_version: Mapped[str]
    recorded_by: Mapped[UUID]
    signed_off_by: Mapped[UUID | None]

    def counts_on(self, day: date) -> bool:
        """Whether it is proof for a day."""
        return self.completed_on <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement that asks some work, and when it is first due."""

    rule: Rule
    due: Due


@dataclass(frozen=True, slots=True)
class TrainingStanding:
    """An assignment and its newest proof."""

    assignment: TrainingAssignment
    proof: TrainingCompletion | None

    def status_on(self, day: date) -> str:
        """not_yet_due, open, overdue, done, renew (the window to repeat it is open) or expired."""
        if self.proof is not None and self.proof.counts_on(day):
            until = self.proof.valid_until
            return "renew" if until is not None and window_opens(until) <= day else "done"
        if self.proof is not None:
            return "expired"
        if self.assignment.due_on is None:
            return "not_yet_due"
        return "overdue" if self.assignment.due_on < day else "open"
