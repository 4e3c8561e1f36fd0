"""The legal entity: a business company, a physician-owned clinical entity, or a franchisee."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, synonym

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, EntityOwned, Versioned
from shared.errors import Invalid
from shared.ids import new_id


class EntityKind(StrEnum):
    """`mso` is the business side, `clinical_entity` the licensed clinicians' own company."""

    MSO = "mso"
    CLINICAL_ENTITY = "clinical_entity"
    FRANCHISEE = "franchisee"


class NotThisKindOfEntity(Invalid):
    """This legal entity is not of the kind that is needed here."""


class NpiNotForBusiness(Invalid):
    """Only a clinical entity has an organizational NPI."""


class LegalEntity(EntityOwned, Versioned, InSnapshot, Base):
    """A company. Its kind never changes: the wall stands on it."""

    __tablename__ = "legal_entity"
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        UniqueConstraint("organization_id", "ein"),
        UniqueConstraint("organization_id", "npi"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.organization_id"))
    legal_entity_id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    id: Mapped[UUID] = synonym("legal_entity_id")
    kind: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    form: Mapped[str]
    time_zone: Mapped[str]
    ein: Mapped[str | None]
    npi: Mapped[str | None]

    def check(self) -> None:
        """Raises NpiNotForBusiness."""
        if self.npi and self.kind != EntityKind.CLINICAL_ENTITY:
            raise NpiNotForBusiness(f"{self.name} is of kind {self.kind}.")

    def require(self, kind: EntityKind) -> None:
        """Raises NotThisKindOfEntity."""
        if self.kind != kind:
            raise NotThisKindOfEntity(f"{self.name} is of kind {self.kind}; this needs {kind}.")
