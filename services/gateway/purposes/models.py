"""The purpose grant: patient-level data of one clinical entity, opened to one person for a purpose and a time."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Forbidden, Invalid

LONGEST = timedelta(days=366)


class PurposeStatus(StrEnum):
    """Only a granted purpose opens anything."""

    PROPOSED = "proposed"
    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"


class PurposeDecided(Conflict):
    """This proposal was decided before."""


class PurposeNotGranted(Conflict):
    """Only a purpose that was granted can be revoked."""


class PurposeTooLong(Invalid):
    """A purpose grant lasts a year at most; access is reviewed before it is renewed."""


class DecidesOwnPurpose(Forbidden):
    """Nobody decides about their own access."""


class PurposeGrant(HasId, EntityOwned, Versioned, InSnapshot, Base):
    """A proposal by the business side and what the clinical entity's owner made of it."""

    __tablename__ = "purpose_grant"
    __table_args__ = (
        Index(None, "organization_id", "legal_entity_id"),
        CheckConstraint("ends_on >= starts_on", name="term"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    purpose: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    status: Mapped[str] = mapped_column(default=PurposeStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]

    def check(self) -> None:
        """Raises PurposeTooLong."""
        if not timedelta(0) <= self.ends_on - self.starts_on <= LONGEST:
            raise PurposeTooLong(f"From {self.starts_on} to {self.ends_on}.")

    def decide(self, granted: bool, by: UUID, at: datetime) -> None:
        """Raises PurposeDecided, DecidesOwnPurpose."""
        if self.status != PurposeStatus.PROPOSED:
            raise PurposeDecided(f"It is {self.status}.")
        if by == self.user_id:
            raise DecidesOwnPurpose("Another owner of the entity must decide.")
        self.status = PurposeStatus.GRANTED if granted else PurposeStatus.REFUSED
        self.decided_by, self.decided_at = by, at

    def revoke(self) -> None:
        """Raises PurposeNotGranted."""
        if self.status != PurposeStatus.GRANTED:
            raise PurposeNotGranted(f"It is {self.status}.")
        self.status = PurposeStatus.REVOKED
