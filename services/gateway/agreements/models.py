"""The management services agreement (MSA): which services an MSO performs for a clinical entity, where and when."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text, Uuid

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid

SERVICES = ("procurement", "hr", "billing", "marketing", "facilities", "it", "bookkeeping")


class AgreementStatus(StrEnum):
    """Only a signed agreement opens anything, and only between its dates."""

    DRAFT = "draft"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"


class NotADraft(Conflict):
    """Only a draft can be signed or withdrawn."""


class NotSigned(Conflict):
    """Only a signed agreement can be ended."""


class SignedInTheFuture(Invalid):
    """An agreement cannot have been signed on a day to come."""


class EndsTooEarly(Invalid):
    """An agreement is not ended backwards in time."""


class EndsLater(Invalid):
    """Ending an agreement does not prolong it; sign a new one."""


class AgreementsOverlap(Conflict):
    """Another agreement is signed for one of these locations at that time."""


class Agreement(HasId, EntityOwned, Versioned, InSnapshot, Base):
    """An MSA. `legal_entity_id` is the clinical entity; `ends_on` the last day in force."""

    __tablename__ = "management_agreement"
    __table_args__ = (
        Index(None, "organization_id", "legal_entity_id"),
        CheckConstraint("ends_on is null or ends_on >= starts_on", name="term"),
        CheckConstraint("(status = 'signed') = (signed_on is not null)", name="signed"),
    )

    legal_entity_id: Mapped[UUID] = mapped_column(ForeignKey("legal_entity.legal_entity_id"))
    mso_id: Mapped[UUID] = mapped_column(ForeignKey("legal_entity.legal_entity_id"))
    location_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    services: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(default=AgreementStatus.DRAFT)
    drafted_by: Mapped[UUID]
    drafted_at: Mapped[datetime]
    signed_on: Mapped[date | None]
    signed_by: Mapped[UUID | None]

    def sign(self, by: UUID, on: date, today: date) -> None:
        """The clinical entity's owner signs; `on` is the day on the paper."""
        if self.status != AgreementStatus.DRAFT:
            raise NotADraft(f"It is {self.status}.")
        if on > today:
            raise SignedInTheFuture(f"{on} is after {today}.")
        self.status, self.signed_by, self.signed_on = AgreementStatus.SIGNED, by, on

    def withdraw(self) -> None:
        if self.status != AgreementStatus.DRAFT:
            raise NotADraft(f"It is {self.status}.")
        self.status = AgreementStatus.WITHDRAWN

    def end(self, on: date, today: date) -> None:
        """`on` becomes the last day in force."""
        if self.status != AgreementStatus.SIGNED:
            raise NotSigned(f"It is {self.status}.")
        if on < max(today, self.starts_on):
            raise EndsTooEarly(f"The earliest last day is {max(today, self.starts_on)}.")
        if self.ends_on is not None and on > self.ends_on:
            raise EndsLater(f"It ends on {self.ends_on} anyway.")
        self.ends_on = on

    def overlaps(self, other: "Agreement") -> bool:
        """Whether both name a location at the same time."""
        begins_after = other.ends_on is not None and other.ends_on < self.starts_on
        ends_before = self.ends_on is not None and self.ends_on < other.starts_on
        return bool(set(self.location_ids) & set(other.location_ids)) and not begins_after and not ends_before
