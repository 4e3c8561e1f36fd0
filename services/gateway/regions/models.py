"""The region: a named group of locations."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from services.gateway.organizations.models import InSnapshot
from shared.db import Base, HasId, OrganizationOwned, Versioned


class Region(HasId, OrganizationOwned, Versioned, InSnapshot, Base):
    """A group of locations; a location stands in one region at most."""

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    name: Mapped[str]
