"""The business-associate agreement (45 CFR 164.504(e)): without one the business side sees no patient-level data."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid


class SignedAfterToday(Invalid):
    """A business-associate agreement cannot have been signed on a day to come."""


class AssociationOver(Conflict):
    """This business-associate agreement is over."""


class AssociationEndsTooEarly(Invalid):
    """A business-associate agreement is not ended backwards in time."""


class BusinessAssociateAgreement(HasId, EntityOwned, Versioned, InSnapshot, Base):
    """In force from the day it was signed to `ends_on`. `business_associate_id` is the MSO, the other side the clinical
    entity."""

    __tablename__ = "business_associate_agreement"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "business_associate_id", "signed_on"),
        CheckConstraint("ends_on is null or ends_on >= signed_on", name="term"),
    )

    legal_entity_id: Mapped[UUID] = mapped_column(ForeignKey("legal_entity.legal_entity_id"))
    business_associate_id: Mapped[UUID] = mapped_column(ForeignKey("legal_entity.legal_entity_id"))
    signed_on: Mapped[date]
    ends_on: Mapped[date | None]

    def check(self, today: date) -> None:
        """Raises SignedAfterToday, AssociationEndsTooEarly."""
        if self.signed_on > today:
            raise SignedAfterToday(f"{self.signed_on} is after {today}.")
        if self.ends_on is not None and self.ends_on < self.signed_on:
            raise AssociationEndsTooEarly(f"{self.ends_on} is before {self.signed_on}.")

    def end(self, on: date, today: date) -> None:
        """`on` becomes the last day in force."""
        if self.ends_on is not None and self.ends_on < today:
            raise AssociationOver(f"It ended on {self.ends_on}.")
        if on < today:
            raise AssociationEndsTooEarly(f"{on} is before {today}.")
        self.ends_on = on
