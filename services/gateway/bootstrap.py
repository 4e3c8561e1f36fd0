"""What nobody could do through the API: the first administrator of an organization, and a way back in."""

import re
import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.gateway.accounts.models import LocalAccount
from services.gateway.accounts.service import set_password
from services.gateway.grants import service as grants
from services.gateway.grants.models import Grant
from services.gateway.organizations import service as organizations
from services.gateway.organizations.models import Organization
from services.gateway.users.models import User, UserKind, UserStatus
from services.gateway.users.service import open_account, tell
from shared.clock import now, today
from shared.db import Database, lock, rescope
from shared.ids import new_id
from shared.outbox import Origin
from shared.tenancy import Scope


class Refused(Exception):
    """A command that cannot be done; the message says why."""


def organization(
    database: Database, origin: Origin, *, slug: str, name: str, currency: str, email: str, admin_name: str
) -> dict[str, Any]:
    """An organization and its first franchise administrator with a one-time password, which is shown this once.

    Safe to repeat: for a slug that exists it makes nothing new. Only while the administrator has not chosen a password
    yet, there is another one-time password to show: the first may have been lost on the way.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,39}", slug) or not re.fullmatch(r"[A-Z]{3}", currency):
        raise Refused("The slug is of lower-case letters, digits and hyphens; the currency is a code such as USD.")
    if "@" not in email:
        raise Refused(f"{email!r} is no e-mail address.")
    with database.platform_transaction() as session:
        session.info["origin"] = origin
        session.execute(text("select pg_advisory_xact_lock(hashtext('partywall bootstrap'))"))
        found = session.execute(select(Organization).where(Organization.slug == slug)).scalar_one_or_none()
        if found is not None:
            return _again(session, found)
        if session.execute(select(User.id).where(User.email == email.lower())).first():
            raise Refused(f"{email} belongs to somebody already.")
        return _create(session, slug=slug, name=name, currency=currency, email=email.lower(), admin_name=admin_name)


def reset_password(database: Database, origin: Origin, email: str) -> dict[str, Any]:
    """A one-time password for a person. For the operator of the platform, on request of the clinical entity's owner."""
    with database.platform_transaction() as session:
        session.info["origin"] = origin
        user = session.execute(select(User).where(User.email == email.lower())).scalar_one_or_none()
        if user is None:
            raise Refused(f"Nobody has the e-mail address {email}.")
        rescope(session, Scope.whole(user.organization_id))
        password = secrets.token_urlsafe(15)
        locked = lock(session, User, user.id)
        set_password(session, locked, password, one_time=True)
        tell(session, locked, "one-time password set")
        return {"user_id": str(user.id), "email": user.email, "one_time_password": password}


def _again(session: Session, organization: Organization) -> dict[str, Any]:
    rescope(session, Scope.whole(organization.id))
    first = select(Grant.user_id).where(Grant.role == grants.ADMINISTRATOR, Grant.given_by.is_(None))
    user = lock(session, User, session.execute(first.order_by(Grant.given_at)).scalars().one())
    one_time = session.execute(select(LocalAccount.one_time).where(LocalAccount.user_id == user.id)).scalar()
    password = secrets.token_urlsafe(15) if one_time and user.status == UserStatus.ACTIVE else None
    if password:
        set_password(session, user, password, one_time=True)
        tell(session, user, "one-time password set")
    return _told(organization.id, user, created=False, password=password)


def _told(organization_id: UUID, user: User, *, created: bool, password: str | None) -> dict[str, Any]:
    return {
        "organization_id": str(organization_id),
        "created": created,
        "user_id": str(user.id),
        "email": user.email,
        "one_time_password": password,
    }


def _create(session: Session, *, slug: str, name: str, currency: str, email: str, admin_name: str) -> dict[str, Any]:
    organization_id = new_id()
    rescope(session, Scope.whole(organization_id))
    organizations.register(session, organization_id, slug=slug, name=name, currency=currency)
    user = open_account(session, organization_id, UserKind.PERSON, name=admin_name, email=email)
    session.flush()
    password = secrets.token_urlsafe(15)
    administrator = Grant(
        organization_id=organization_id,
        user_id=user.id,
        role=grants.ADMINISTRATOR,
        scope_kind="organization",
        starts_on=today(),
        given_at=now(),
    )
    grants.record(session, administrator, user)
    set_password(session, user, password, one_time=True)
    return _told(organization_id, user, created=True, password=password)
