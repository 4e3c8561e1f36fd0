"""Employments: who employs whom as what; a clinician's is proposed by anybody and decided by the entity's owner."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text, Uuid

from services.hr.assignments.models import EndsBeforeItBegins
from services.hr.people.models import PersonOwned
from shared.db import Base, HasId, Versioned
from shared.errors import Conflict, Forbidden, NotFound


class EmploymentStatus(StrEnum):
    """`held` waits for counsel; `active` also before the first day; `ended` has a last day, which may lie ahead."""

    PROPOSED = "proposed"
    HELD = "held"
    ACTIVE = "active"
    REFUSED = "refused"
    ENDED = "ended"


class NotAwaitingDecision(Conflict):
    """There is nothing to decide about this employment."""


class NotHeld(Conflict):
    """This employment is not held for counsel."""


class NotActive(Conflict):
    """This employment is not active."""


class ClinicianEndedByBusiness(Forbidden):
    """A clinician's employment is ended by the clinical entity's owner."""


class NotTheEmployer(NotFound):
    """No such employment here."""


class Employment(HasId, PersonOwned, Versioned, Base):
    """A person's employment by one legal entity. `deciding_entity_id`: the clinical entity whose owner selects a
    clinician. `flags` name what is allowed but to be watched (`cpom`, `dual_role`)."""

    __tablename__ = "employment"
    __table_args__ = (
        Index(
            "uq_employment_open",
            "organization_id",
            "person_id",
            "legal_entity_id",
            "position",
            unique=True,
            postgresql_where=text("status in ('proposed', 'held', 'active')"),
        ),
    )

    legal_entity_id: Mapped[UUID]
    employer_kind: Mapped[str]
    position: Mapped[str]
    clinical: Mapped[bool]
    exposures: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    location_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    status: Mapped[str]
    reason: Mapped[str | None]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    rule_version: Mapped[str | None]
    deciding_entity_id: Mapped[UUID | None]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    def covers(self, day: date) -> bool:
        """Whether it holds on a day."""
        decided = self.status in (EmploymentStatus.ACTIVE, EmploymentStatus.ENDED)
        return decided and self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def must_be_of(self, legal_entity_id: UUID) -> None:
        """An employer acts on its own employments only. Raises NotTheEmployer."""
        if self.legal_entity_id != legal_entity_id:
            raise NotTheEmployer("It belongs to another employer.")

    def select(self, deciding_entity_id: UUID, *, approved: bool, at: datetime) -> None:
        """The owner of the clinical entity selects or refuses a proposed clinician."""
        if self.deciding_entity_id != deciding_entity_id:
            raise NotTheEmployer("It is decided elsewhere.")
        if self.status != EmploymentStatus.PROPOSED:
            raise NotAwaitingDecision(f"It is {self.status}.")
        self.status = EmploymentStatus.ACTIVE if approved else EmploymentStatus.REFUSED
        self.decided_at = at

    def end(self, last_day: date, reason: str, at: datetime) -> None:
        """Say the last day."""
        if self.status != EmploymentStatus.ACTIVE:
            raise NotActive(f"It is {self.status}.")
        if last_day < self.starts_on:
            raise EndsBeforeItBegins(f"It begins on {self.starts_on}.")
        self.status, self.ends_on, self.reason, self.decided_at = EmploymentStatus.ENDED, last_day, reason, at

    def must_cover(self, day: date) -> None:
        """Raises NotActive."""
        if not self.covers(day):
            raise NotActive(f"It does not hold on {day}.")

    def must_not_be_clinical(self) -> None:
        """The business side ends only business positions. Raises ClinicianEndedByBusiness."""
        if self.clinical:
            raise ClinicianEndedByBusiness(
                "Propose it to the owner of the clinical entity.",
                policy="service.reserved-decision",
                source="hr.clinician.terminate",
                why="Dismiss or discipline a clinician",
            )
