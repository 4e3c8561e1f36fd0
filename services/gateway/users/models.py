"""The user: a person with an e-mail address, or a machine client."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict, Forbidden, Invalid


class UserKind(StrEnum):
    """Machines sign in with API keys and take no decisions."""

    PERSON = "person"
    MACHINE = "machine"


class UserStatus(StrEnum):
    """Only an active user gets in; a closed one never again."""

    ACTIVE = "active"
    LOCKED = "locked"
    CLOSED = "closed"


class UserClosed(Conflict):
    """This account was closed for good."""


class LocksSelf(Forbidden):
    """Nobody locks or closes their own account."""


class NotAPerson(Invalid):
    """Only a person has this."""


class User(HasId, OrganizationOwned, Versioned, Base):
    """Somebody who may sign in. The e-mail is unique over the platform: it alone finds the organization at sign-in.

    `external_subject` is the `sub` under which an external identity provider knows the person. Sessions begun before
    `password_set_at` are over.
    """

    __tablename__ = "user_account"
    __platform__ = True
    __table_args__ = (CheckConstraint("(kind = 'person') = (email is not null)", name="email"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.organization_id"))
    kind: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(unique=True)
    external_subject: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=UserStatus.ACTIVE)
    created_at: Mapped[datetime]
    password_set_at: Mapped[datetime | None]

    def become(self, status: UserStatus, by: UUID) -> None:
        """Lock, unlock or close. Raises UserClosed, LocksSelf."""
        if self.status == UserStatus.CLOSED:
            raise UserClosed("Open a new one.")
        if by == self.id:
            raise LocksSelf("Ask another administrator.")
        self.status = status

    def require_person(self) -> None:
        """Raises NotAPerson."""
        if self.kind != UserKind.PERSON:
            raise NotAPerson(f"{self.name} is a machine client.")
