"""The grant: a role over a scope, from a day to a day."""

from datetime import date, datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.gateway.organizations.models import InSnapshot
from services.gateway.roles import ROLES, Role, ScopeKind
from services.gateway.users.models import User, UserKind, UserStatus
from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict, Forbidden, Invalid
from shared.money import Cents


class UnknownRole(Invalid):
    """There is no such role."""


class ScopeNotForRole(Invalid):
    """This role is not granted over this kind of scope."""


class ScopeIncomplete(Invalid):
    """Every scope but the whole organization is named by its id."""


class NotForMachines(Invalid):
    """This role is for people only."""


class OnlyForMachines(Invalid):
    """This role is for machine clients only."""


class GrantsToSelf(Forbidden):
    """Nobody grants a role to themselves."""


class UserNotActive(Conflict):
    """Only an active user is given a role."""


class TermReversed(Invalid):
    """The last day lies before the first."""


class LimitNotForRole(Invalid):
    """Approval limits go with business roles, licences with clinical ones."""


class AlreadyGranted(Conflict):
    """This user holds this role over this scope at that time already."""


class GrantRevokedBefore(Conflict):
    """This grant was revoked before."""


class Grant(HasId, OrganizationOwned, Versioned, InSnapshot, Base):
    """A role over a scope. `scope_id` is None for the whole organization; `ends_on` the last day.

    `licence`: under which a clinical role acts, "CA A123456".
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        Index(None, "organization_id", "user_id"),
        CheckConstraint("(scope_kind = 'organization') = (scope_id is null)", name="scope"),
        CheckConstraint("ends_on is null or ends_on >= starts_on", name="term"),
        CheckConstraint("approval_limit >= 0", name="limit"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    role: Mapped[str]
    scope_kind: Mapped[str]
    scope_id: Mapped[UUID | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    approval_limit: Mapped[Decimal | None] = mapped_column(Cents)
    licence: Mapped[str | None]
    given_by: Mapped[UUID | None]
    given_at: Mapped[datetime]
    revoked_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]

    def check(self, user: User) -> None:
        """Whether the role, its scope and its holder go together."""
        role = role_of(self.role)
        if cast(ScopeKind, self.scope_kind) not in role.over:
            raise ScopeNotForRole(f"{role.title}: granted over {', '.join(sorted(role.over))}.")
        if (self.scope_kind == "organization") != (self.scope_id is None):
            raise ScopeIncomplete(f"The scope is of kind {self.scope_kind}.")
        if self.given_by == user.id:
            raise GrantsToSelf("Ask somebody else who may.")
        if user.status != UserStatus.ACTIVE:
            raise UserNotActive(f"It is {user.status}.")
        if role.machine and user.kind == UserKind.PERSON:
            raise OnlyForMachines(role.title)
        if not role.machine and role.plane == "clinical" and user.kind == UserKind.MACHINE:
            raise NotForMachines(role.title)
        self._check_terms(role)

    def _check_terms(self, role: Role) -> None:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise TermReversed(f"From {self.starts_on} to {self.ends_on}.")
        misplaced = self.licence if role.plane == "business" else self.approval_limit
        if misplaced is not None:
            raise LimitNotForRole(role.title)

    def repeats(self, other: "Grant") -> bool:
        """Whether both give the same at the same time."""
        same = (self.user_id, self.role, self.scope_kind, self.scope_id)
        if same != (other.user_id, other.role, other.scope_kind, other.scope_id) or other.revoked_at is not None:
            return False
        begins_after = other.ends_on is not None and other.ends_on < self.starts_on
        ends_before = self.ends_on is not None and self.ends_on < other.starts_on
        return not begins_after and not ends_before

    def revoke(self, by: UUID, at: datetime) -> None:
        """Raises GrantRevokedBefore."""
        if self.revoked_at is not None:
            raise GrantRevokedBefore(f"At {self.revoked_at:%Y-%m-%d %H:%M} UTC.")
        self.revoked_by, self.revoked_at = by, at


def role_of(name: str) -> Role:
    """Raises UnknownRole."""
    if name not in ROLES:
        raise UnknownRole(f"The roles are {', '.join(ROLES)}.")
    return ROLES[name]
