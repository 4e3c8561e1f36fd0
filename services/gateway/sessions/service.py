"""Sign in, stay signed in, change the plane, sign out."""

from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.accounts.service import prove
from services.gateway.grants.service import planes_of
from services.gateway.sessions.models import IDLE, LONGEST, RefreshToken, SignedIn
from services.gateway.sessions.tokens import Claims, digest, fresh_secret
from services.gateway.users.models import User, UserStatus
from shared.clock import now
from shared.contracts.gateway import AuditRecorded
from shared.db import Database, get, rescope
from shared.errors import Forbidden, Unauthenticated
from shared.ids import new_id
from shared.outbox import Origin, emit
from shared.tenancy import Scope


class PasswordIsOneTime(Forbidden):
    """Change this one-time password first."""


class NoRoleOnPlane(Forbidden):
    """You hold no role on this plane."""


class RefreshRefused(Unauthenticated):
    """This refresh token gets nothing; sign in again."""


class SessionOver(Unauthenticated):
    """This session is over; sign in again."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session, whose it is, and the refresh token that its owner gets to see this once."""

    session: SignedIn
    user: User
    refresh_token: str


def sign_in(database: Database, origin: Origin, email: str, password: str, plane: str) -> Started:
    """A session on one plane. Raises BadCredentials, SignInLocked, PasswordIsOneTime, NoRoleOnPlane."""
    account = prove(database, email, password)
    if account.one_time:
        raise PasswordIsOneTime("PUT /v1/password with the one-time password and your own.")
    with database.transaction(Scope.whole(account.organization_id)) as session:
        session.info["origin"] = origin
        at = now()
        user = get(session, User, account.user_id)
        started = _start(session, user, plane, at, family_id=new_id(), expires_at=at + LONGEST)
        _audit(session, "gateway.session.start", started)
        return started


def refresh(database: Database, origin: Origin, token: str, plane: str | None = None) -> Started:
    """A new refresh token for a used one; on another `plane` a new session, and the one before is over.

    A token that comes a second time was copied: the whole family of sessions ends. Raises RefreshRefused,
    NoRoleOnPlane.
    """
    with database.platform_transaction() as session:
        session.info["origin"] = origin
        started = _rotate(session, digest(token), plane)
    if started is None:
        raise RefreshRefused("")
    return started


def alive(session: Session, session_id: UUID, at: datetime) -> tuple[SignedIn, User] | None:
    """The session and its user, while it is going on."""
    found = session.execute(
        select(SignedIn, User).join(User, User.id == SignedIn.user_id).where(SignedIn.id == session_id)
    ).first()
    if found is None:
        return None
    signed_in, user = found
    return (signed_in, user) if _goes_on(signed_in, user, at) else None


def current(session: Session, claims: Claims) -> tuple[SignedIn, User]:
    """The session of an access token. Raises SessionOver."""
    found = alive(session, claims.session_id, now())
    if found is None:
        raise SessionOver("")
    return found


def sign_out(session: Session, claims: Claims) -> None:
    """End the session and every other of its family. Raises SessionOver."""
    signed_in, user = current(session, claims)
    _end_family(session, signed_in, "signed out")
    _audit(session, "gateway.session.end", Started(signed_in, user, ""))


def _goes_on(signed_in: SignedIn, user: User, at: datetime) -> bool:
    fresh_password = user.password_set_at is None or user.password_set_at <= signed_in.started_at
    return (
        signed_in.ended_at is None and at < signed_in.expires_at and user.status == UserStatus.ACTIVE and fresh_password
    )


def _rotate(session: Session, token_hash: bytes, plane: str | None) -> Started | None:
    token = session.execute(
        select(RefreshToken).where(RefreshToken.token_hash == token_hash).with_for_update()
    ).scalar_one_or_none()
    if token is None:
        return None
    rescope(session, Scope.whole(token.organization_id))
    signed_in, at = get(session, SignedIn, token.session_id), now()
    user = get(session, User, signed_in.user_id)
    if token.used_at is not None:
        _end_family(session, signed_in, "refresh token used twice")
        _audit(session, "gateway.session.reuse", Started(signed_in, user, ""))
        return None
    if at >= token.expires_at or not _goes_on(signed_in, user, at):
        return None
    token.used_at = at
    if plane in (None, signed_in.plane):
        return _with_token(session, signed_in, user, at)
    signed_in.end(at, "plane changed")
    changed = _start(session, user, str(plane), at, family_id=signed_in.family_id, expires_at=signed_in.expires_at)
    _audit(session, "gateway.session.change_plane", changed)
    return changed


def _start(session: Session, user: User, plane: str, at: datetime, *, family_id: UUID, expires_at: datetime) -> Started:
    held = planes_of(session, user.id)
    if plane not in held:
        raise NoRoleOnPlane(f"You hold roles on: {', '.join(sorted(held)) or 'no plane'}.", planes=sorted(held))
    signed_in = SignedIn(
        organization_id=user.organization_id,
        user_id=user.id,
        family_id=family_id,
        plane=plane,
        started_at=at,
        expires_at=expires_at,
    )
    session.add(signed_in)
    session.flush()
    return _with_token(session, signed_in, user, at)


def _with_token(session: Session, signed_in: SignedIn, user: User, at: datetime) -> Started:
    secret = fresh_secret()
    session.add(
        RefreshToken(
            organization_id=signed_in.organization_id,
            session_id=signed_in.id,
            token_hash=digest(secret),
            issued_at=at,
            expires_at=min(at + IDLE, signed_in.expires_at),
        )
    )
    return Started(signed_in, user, secret)


def _end_family(session: Session, signed_in: SignedIn, because: str) -> None:
    family = select(SignedIn).where(SignedIn.family_id == signed_in.family_id).with_for_update()
    for each in session.execute(family).scalars():
        each.end(now(), because)


def _audit(session: Session, action: str, started: Started) -> None:
    session.info["origin"] = replace(session.info["origin"], actor_id=started.user.id, actor_kind="person")
    about = SimpleNamespace(id=new_id(), organization_id=started.user.organization_id)
    detail = {"user_id": str(started.user.id), "plane": started.session.plane}
    subject = str(started.session.id)
    emit(session, AuditRecorded(action=action, subject_type="session", subject_id=subject, detail=detail), about)
