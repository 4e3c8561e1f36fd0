"""The location: one med spa."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, synonym

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, LocationOwned, Versioned
from shared.errors import Conflict
from shared.ids import new_id


class LocationStatus(StrEnum):
    """A closed location stays closed; a new one at the same address is registered anew."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class LocationClosed(Conflict):
    """This location was closed for good."""


class Location(LocationOwned, Versioned, InSnapshot, Base):
    """A med spa, and the clinical entity that practises there. A new practice at an address is a new location."""

    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("organization_id", "code"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.organization_id"))
    location_id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    id: Mapped[UUID] = synonym("location_id")
    code: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    locality: Mapped[str | None]
    time_zone: Mapped[str]
    legal_entity_id: Mapped[UUID] = mapped_column(ForeignKey("legal_entity.legal_entity_id"), index=True)
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("region.id"))
    opening_hours: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(default=LocationStatus.OPEN)

    def change(self, **values: Any) -> None:
        """Take the values that are given. Raises LocationClosed."""
        if self.status == LocationStatus.CLOSED:
            raise LocationClosed(f"{self.code} is closed.")
        for name, value in values.items():
            setattr(self, name, value)
