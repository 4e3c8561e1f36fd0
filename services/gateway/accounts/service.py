"""Give one-time passwords, change passwords, and prove who somebody is by e-mail and password."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.gateway.accounts import passwords
from services.gateway.accounts.models import FREE_FAILURES, LocalAccount, SignInGuard
from services.gateway.grants import service as grants
from services.gateway.users.models import User, UserStatus
from services.gateway.users.service import change, tell
from shared.clock import now
from shared.db import Database, lock
from shared.errors import Forbidden, NotFound, TooMany, Unauthenticated
from shared.identity import Context
from shared.outbox import Origin
from shared.tenancy import Scope

_FORGET = timedelta(days=1)


class SignInLocked(TooMany):
    """Too many failed attempts for this e-mail address."""


class BadCredentials(Unauthenticated):
    """The e-mail address or the password is wrong."""


class ClinicalAccount(Forbidden):
    """The business side holds no key to the account of somebody who acts on the clinical plane."""


class OwnAccount(Forbidden):
    """Nobody resets their own account; change your password with the one you have."""


@dataclass(frozen=True, slots=True)
class Account:
    """A local account as sign-in finds it."""

    user_id: UUID
    organization_id: UUID
    password_hash: str
    one_time: bool


def give_one_time_password(session: Session, context: Context, user_id: UUID, password: str) -> User:
    """A password that opens nothing until its owner changed it; every session of the user is over."""
    user = lock(session, User, user_id)
    _require_side(session, context, user)
    set_password(session, user, password, one_time=True)
    tell(session, user, "one-time password set")
    return user


def identify(session: Session, context: Context, user: User, given: dict[str, Any]) -> User:
    """By which e-mail address and external subject somebody signs in; `user` is locked."""
    _require_side(session, context, user)
    return change(session, user, given)


def _require_side(session: Session, context: Context, user: User) -> None:
    """Whoever can reset an account can pass for its owner. So on the clinical plane the owner of an entity does it for
    those who hold a clinical role there, and on the business plane an administrator for everybody else."""
    if user.id == context.principal_id:
        raise OwnAccount("")
    if context.plane == "clinical" and not grants.holds_here(session, user.id):
        raise NotFound("No such user.")
    if context.plane == "business" and grants.is_clinical(session, user.id):
        raise ClinicalAccount("The owner of their clinical entity does this.")


def set_password(session: Session, user: User, password: str, *, one_time: bool) -> None:
    """The caller tells of it. Raises WeakPassword, NotAPerson."""
    user.require_person()
    passwords.check(password, user.email or "")
    values = {"password_hash": passwords.hashed(password), "one_time": one_time}
    session.execute(
        insert(LocalAccount)
        .values(user_id=user.id, organization_id=user.organization_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )
    user.password_set_at = now()


def change_password(database: Database, origin: Origin, email: str, password: str, fresh: str) -> None:
    """The owner's own change. Raises BadCredentials, SignInLocked, WeakPassword."""
    account = prove(database, email, password)
    if password == fresh:
        raise passwords.WeakPassword("It is the one you have.")
    with database.transaction(Scope.whole(account.organization_id)) as session:
        session.info["origin"] = replace(origin, actor_id=account.user_id, actor_kind="person")
        user = lock(session, User, account.user_id)
        set_password(session, user, fresh, one_time=False)
        tell(session, user, "password changed")


def prove(database: Database, email: str, password: str) -> Account:
    """The account that e-mail and password open. Raises BadCredentials, SignInLocked.

    Takes transactions of its own: a failure must stay counted although the request is refused. An address nobody has
    costs as much time and is blocked as soon as one that somebody has.
    """
    email = email.lower()
    with database.platform_transaction() as session:
        blocked = _count_attempt(session, email)
        account = _find(session, email)
    if blocked is not None:
        wait = max(1, int((blocked - now()).total_seconds()) + 1)
        raise SignInLocked("Wait, or ask for a new password.", retry_after=wait)
    if not passwords.matches(account.password_hash if account else None, password) or account is None:
        raise BadCredentials("")
    with database.platform_transaction() as session:
        session.execute(delete(SignInGuard).where(SignInGuard.email_hash == _key(email)))
    return account


def _find(session: Session, email: str) -> Account | None:
    found = session.execute(
        select(User.id, User.organization_id, LocalAccount.password_hash, LocalAccount.one_time)
        .join(LocalAccount, LocalAccount.user_id == User.id)
        .where(User.email == email, User.status == UserStatus.ACTIVE)
    ).first()
    return Account(*found) if found else None


def _count_attempt(session: Session, email: str) -> datetime | None:
    """Count a failure before the password is looked at, so that many at once cannot slip through.

    Returns until when the address is blocked, None where it is not.
    """
    key, at = _key(email), now()
    # In one statement: a guard that was found may be gone a moment later, when somebody else signs in at this address.
    held = insert(SignInGuard).values(email_hash=key, failures=0, tried_at=at)
    held = held.on_conflict_do_update(index_elements=["email_hash"], set_={"failures": SignInGuard.failures})
    guard = session.execute(held.returning(SignInGuard)).scalar_one()
    until = guard.blocked_until()
    if until is not None and at < until:
        return until
    if at - guard.tried_at > _FORGET:
        guard.failures = 0
    guard.failures, guard.tried_at = guard.failures + 1, at
    if guard.failures == FREE_FAILURES:
        session.execute(delete(SignInGuard).where(SignInGuard.tried_at < at - _FORGET))
    return None


def _key(email: str) -> bytes:
    return hashlib.sha256(email.casefold().encode()).digest()
