"""Open, change, lock and close user accounts."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.users.models import User, UserKind, UserStatus
from shared.clock import now
from shared.contracts.gateway import UserRecorded
from shared.db import get, lock
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page


def open_account(session: Session, organization_id: UUID, kind: UserKind, **values: Any) -> User:
    """A new user. `values`: name and, for a person, email and external_subject."""
    user = User(organization_id=organization_id, kind=kind, created_at=now(), **values)
    session.add(user)
    session.flush()
    tell(session, user, "opened")
    return user


def create(session: Session, context: Context, given: dict[str, Any]) -> User:
    """A new person."""
    return open_account(session, context.organization_id, UserKind.PERSON, **_normal(given))


def change(session: Session, user: User, given: dict[str, Any]) -> User:
    """Take the values that are given; `user` is locked."""
    if given.keys() - {"name"}:
        user.require_person()
    for name, value in _normal(given).items():
        setattr(user, name, value)
    if session.is_modified(user):
        tell(session, user, "changed")
        session.flush()
    return user


def become(session: Session, context: Context, user_id: UUID, status: UserStatus) -> User:
    """Lock, unlock or close an account; it counts within seconds."""
    user = lock(session, User, user_id)
    user.become(status, context.principal_id)
    if session.is_modified(user):
        tell(session, user, {UserStatus.ACTIVE: "unlocked", UserStatus.LOCKED: "locked"}.get(status, "closed"))
    return user


def read(session: Session, user_id: UUID) -> User:
    """Raises NotFound."""
    return get(session, User, user_id)


def list_users(session: Session, *, kind: str | None, email: str | None, limit: int, cursor: str | None) -> Page[User]:
    """Users by name."""
    query = select(User)
    if kind is not None:
        query = query.where(User.kind == kind)
    if email is not None:
        query = query.where(User.email == email.lower())
    return page(session, query, [User.name, User.id], limit=limit, cursor=cursor, descending=False)


def tell(session: Session, user: User, change: str) -> None:
    """Tell what happened to an account."""
    emit(
        session, UserRecorded(user_id=user.id, kind=UserKind(user.kind).value, status=user.status, change=change), user
    )


def _normal(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "email": given["email"].lower()} if given.get("email") else given
