"""Register machine clients; issue and revoke their API keys."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.gateway.grants import service as grants
from services.gateway.machine_clients.keys import fresh_key
from services.gateway.machine_clients.models import ApiKey, ApiKeyUse
from services.gateway.users.models import User, UserKind
from services.gateway.users.service import open_account
from shared.clock import now, today
from shared.contracts.gateway import AuditRecorded
from shared.db import get, lock
from shared.errors import Forbidden, Invalid, NotFound
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

LONGEST = timedelta(days=366)


class NotAMachine(Invalid):
    """API keys are for machine clients; people sign in."""


class KeyTerm(Invalid):
    """An API key expires within a year."""


class KeyOfOtherPlane(Forbidden):
    """This API key belongs to the other side of the wall."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its text, which is shown this once."""

    key: ApiKey
    text: str


def register(session: Session, context: Context, name: str) -> User:
    """A new machine client, without keys and grants yet."""
    return open_account(session, context.organization_id, UserKind.MACHINE, name=name)


def issue(session: Session, context: Context, client_id: UUID, expires_on: date) -> Issued:
    """A key on the plane of whoever issues it: a business administrator holds no key to the clinical side."""
    client = lock(session, User, client_id)
    if client.kind != UserKind.MACHINE:
        raise NotAMachine(client.name)
    _require_reach(session, context, client.id)
    if not today() <= expires_on <= today() + LONGEST:
        raise KeyTerm(f"Not on {expires_on}.")
    prefix, text, secret_hash = fresh_key()
    key = ApiKey(
        organization_id=context.organization_id,
        user_id=client.id,
        plane=context.plane,
        prefix=prefix,
        secret_hash=secret_hash,
        issued_by=context.principal_id,
        issued_at=now(),
        expires_on=expires_on,
    )
    session.add(key)
    session.flush()
    _tell(session, context, key)
    return Issued(key, text)


def revoke(session: Session, context: Context, key_id: UUID) -> ApiKey:
    """It stops working within two seconds."""
    key = lock(session, ApiKey, key_id)
    _require_reach(session, context, key.user_id)
    if key.plane != context.plane:
        raise KeyOfOtherPlane("")
    key.revoke(now())
    _tell(session, context, key)
    return key


def list_keys(session: Session, client_id: UUID, *, limit: int, cursor: str | None) -> Page[ApiKey]:
    """The keys of a client, newest first."""
    client = get(session, User, client_id)
    query = select(ApiKey).where(ApiKey.user_id == client.id)
    return page(session, query, [ApiKey.issued_at, ApiKey.id], limit=limit, cursor=cursor)


def last_used(session: Session, keys: list[ApiKey]) -> dict[UUID, datetime]:
    """When each of `keys` was last used, where it was."""
    rows = session.execute(select(ApiKeyUse).where(ApiKeyUse.api_key_id.in_([key.id for key in keys]))).scalars()
    return {row.api_key_id: row.last_used_at for row in rows}


def note_use(session: Session, key: ApiKey, at: datetime) -> None:
    """Remember that a key was used."""
    session.execute(
        insert(ApiKeyUse)
        .values(api_key_id=key.id, organization_id=key.organization_id, last_used_at=at)
        .on_conflict_do_update(index_elements=["api_key_id"], set_={"last_used_at": at})
    )


def _require_reach(session: Session, context: Context, client_id: UUID) -> None:
    if context.scope.kind == "entity" and not grants.holds_here(session, client_id):
        raise NotFound("No such machine client.")


def _tell(session: Session, context: Context, key: ApiKey) -> None:
    detail = {"client_id": str(key.user_id), "plane": key.plane, "expires_on": key.expires_on.isoformat()}
    fact = AuditRecorded(action=context.operation, subject_type="api_key", subject_id=str(key.id), detail=detail)
    emit(session, fact, key)
