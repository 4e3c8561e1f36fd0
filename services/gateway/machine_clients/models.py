"""The API key of a machine client: a public prefix and a secret of which only the hash is kept."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict


class KeyRevoked(Conflict):
    """This API key was revoked before."""


class ApiKey(HasId, OrganizationOwned, Versioned, Base):
    """A key on one plane, good through `expires_on`. What it may do are the grants of its client."""

    __tablename__ = "api_key"
    __platform__ = True

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    plane: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    issued_by: Mapped[UUID]
    issued_at: Mapped[datetime]
    expires_on: Mapped[date]
    revoked_at: Mapped[datetime | None]

    def revoke(self, at: datetime) -> None:
        """Raises KeyRevoked."""
        if self.revoked_at is not None:
            raise KeyRevoked("")
        self.revoked_at = at


class ApiKeyUse(OrganizationOwned, Base):
    """When a key was last used, to the minute; apart from the key, so that use changes no version."""

    __tablename__ = "api_key_use"
    __platform__ = True

    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    last_used_at: Mapped[datetime]
