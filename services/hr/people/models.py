"""People: who somebody is; what is about them is seen where they work."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid
from stdnum import luhn

from shared.db import Base, HasId, Versioned
from shared.errors import Invalid
from shared.tenancy import Ownership

NPI_PREFIX = "80840"  # the card-issuer prefix of US health identifiers (ISO 7812), part of the check digit's sum


class BadNpi(Invalid):
    """The NPI is not right: ten digits, the last of which is a check digit (45 CFR 162.406)."""


def check_npi(number: str) -> str:
    """The number. Raises BadNpi."""
    if len(number) != 10 or not number.isascii() or not number.isdigit() or not luhn.is_valid(NPI_PREFIX + number):
        raise BadNpi("Look it up in the NPI registry.")
    return number


class Person(HasId, Versioned, Base):
    """A person the franchise works with. No birth date, home address or social security number is kept.

    `location_ids`: the sites where they are assigned; `entity_ids`: the entities that employ them or were introduced to
    them. Both say who may see the person and everything about them (shared.tenancy).
    """

    __tablename__ = "person"
    __ownership__: ClassVar[Ownership | None] = "person"
    __table_args__ = (
        UniqueConstraint("organization_id", "work_email"),
        UniqueConstraint("organization_id", "npi"),
        Index("ix_person_name", "organization_id", "family_name", "given_name", "id"),
        Index("ix_person_location_ids", "location_ids", postgresql_using="gin"),
        Index("ix_person_entity_ids", "entity_ids", postgresql_using="gin"),
    )

    organization_id: Mapped[UUID]
    given_name: Mapped[str]
    family_name: Mapped[str]
    work_email: Mapped[str]
    npi: Mapped[str | None]
    location_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)
    entity_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list)

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def introduce(self, legal_entity_id: UUID) -> None:
        """Let an entity see this person; again changes nothing."""
        if legal_entity_id not in self.entity_ids:
            self.entity_ids = [*self.entity_ids, legal_entity_id]

    def works_at(self, location_ids: set[UUID]) -> None:
        """Say at which sites the person is assigned now."""
        if set(self.location_ids) != location_ids:
            self.location_ids = sorted(location_ids)


class PersonOwned:
    """About one person: seen by whoever sees the person."""

    __ownership__: ClassVar[Ownership | None] = "personal"
    organization_id: Mapped[UUID] = mapped_column()
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
