"""Site assignments: at which site somebody works, for which employment, from when to when."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from services.hr.people.models import PersonOwned
from shared.db import Base, HasId, Versioned
from shared.errors import Conflict, Invalid


class AssignmentOver(Conflict):
    """This assignment has ended before."""


class EndsBeforeItBegins(Invalid):
    """The last day lies before the first."""


class SiteAssignment(HasId, PersonOwned, Versioned, Base):
    """Somebody works at a site; `ends_on` is the last day."""

    __tablename__ = "site_assignment"
    __table_args__ = (
        Index(
            "uq_site_assignment_open",
            "organization_id",
            "employment_id",
            "location_id",
            unique=True,
            postgresql_where=text("ends_on is null"),
        ),
        Index("ix_site_assignment_location", "organization_id", "location_id", "id"),
    )

    employment_id: Mapped[UUID]
    location_id: Mapped[UUID]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]

    def covers(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def end(self, last_day: date) -> None:
        """Say the last day, or bring it forward."""
        if last_day < self.starts_on:
            raise EndsBeforeItBegins(f"It begins on {self.starts_on}.")
        if self.ends_on is not None and self.ends_on <= last_day:
            raise AssignmentOver(f"Its last day is {self.ends_on}.")
        self.ends_on = last_day
