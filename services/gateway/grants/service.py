"""Give and revoke roles: business ones by the business side, clinical ones by the clinical entity's owner."""

from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from services.gateway.grants.models import AlreadyGranted, Grant, role_of
from services.gateway.legal_entities.models import EntityKind, LegalEntity
from services.gateway.locations.models import Location
from services.gateway.organizations.models import Organization
from services.gateway.regions.models import Region
from services.gateway.users.models import User
from shared import decisions
from shared.clock import now, today
from shared.contracts.gateway import GrantGiven, GrantRevoked
from shared.db import get, lock
from shared.errors import Conflict, Forbidden, NotFound
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

OWNER, ADMINISTRATOR = "clinical_entity_owner", "franchise_admin"
OFFICERS = frozenset({OWNER, "medical_director"})
APPOINT = "governance.entity.officer.appoint"
Side = Literal["business", "clinical", "officer"]


class NotYoursToGive(Forbidden):
    """This role is not given or taken by this side of the wall."""


class EntityHasOwner(Forbidden):
    """This clinical entity has an owner, who appoints whoever follows."""


class LastAdministrator(Conflict):
    """An organization keeps at least one franchise administrator."""


def give(session: Session, context: Context, given: dict[str, Any]) -> Grant:
    """A business role; or the first owner of a clinical entity, who gives every clinical role after that."""
    role = role_of(given["role"])
    if role.name == OWNER:
        _require_no_owner(session, given["scope_id"])
    elif role.plane != "business":
        raise NotYoursToGive(f"A {role.title} is chosen by the owner of the clinical entity.")
    return _give(session, context, given)


def give_clinical(session: Session, context: Context, given: dict[str, Any]) -> Grant:
    """A clinical role other than an officer's, over the owner's own entity or one of its sites."""
    _require_side(given["role"], "clinical")
    return _give(session, context, given)


def appoint(session: Session, context: Context, given: dict[str, Any]) -> Grant:
    """Make somebody an officer of the clinical entity (a reserved decision)."""
    _require_side(given["role"], "officer")
    entity = get(session, LegalEntity, context.scope.legal_entity_id)
    grant = _give(session, context, {**given, "scope_kind": "legal_entity", "scope_id": entity.id})
    _record(session, context, grant, "approved", f"{role_of(grant.role).title} of {entity.name} appointed")
    return grant


def revoke(session: Session, context: Context, grant_id: UUID) -> Grant:
    """End a business grant before its time."""
    grant = _ending(session, context, grant_id, "business")
    if grant.role == ADMINISTRATOR:
        lock(session, Organization, context.organization_id)
        session.flush()
        if not session.execute(select(Grant.id).where(_held(ADMINISTRATOR))).first():
            raise LastAdministrator("Grant the role to somebody else first.")
    return grant


def revoke_clinical(session: Session, context: Context, grant_id: UUID) -> Grant:
    """End a clinical grant over the owner's own entity or one of its sites."""
    return _ending(session, context, grant_id, "clinical")


def remove_officer(session: Session, context: Context, grant_id: UUID) -> Grant:
    """End the office of somebody at the clinical entity (a reserved decision)."""
    grant = _ending(session, context, grant_id, "officer")
    entity = get(session, LegalEntity, context.scope.legal_entity_id)
    _record(session, context, grant, "revoked", f"{role_of(grant.role).title} of {entity.name} removed")
    return grant


def list_grants(
    session: Session, context: Context, *, user_id: UUID | None, role: str | None, limit: int, cursor: str | None
) -> Page[Grant]:
    """Grants, newest first. Within an entity: those that reach it or its sites, from however far above."""
    query = select(Grant)
    if context.scope.kind != "organization":
        query = query.where(_reaches_here())
    if user_id is not None:
        query = query.where(Grant.user_id == user_id)
    if role is not None:
        query = query.where(Grant.role == role)
    return page(session, query, [Grant.given_at, Grant.id], limit=limit, cursor=cursor)


def record(session: Session, grant: Grant, user: User) -> Grant:
    """Check a new grant, keep and tell it. Raises AlreadyGranted and whatever Grant.check raises."""
    grant.check(user)
    others = session.execute(select(Grant).where(Grant.user_id == user.id, Grant.role == grant.role)).scalars()
    if any(grant.repeats(other) for other in others):
        raise AlreadyGranted("Revoke it first, or choose other days.")
    session.add(grant)
    session.flush()
    emit(session, _given(grant), grant)
    return grant


def holds_here(session: Session, user_id: UUID) -> bool:
    """Whether a user holds a clinical grant over the legal entity of this scope or one of its sites."""
    held = select(Grant.role).where(Grant.user_id == user_id, Grant.revoked_at.is_(None), _at_visible_places())
    return any(role_of(role).plane == "clinical" for role in session.execute(held).scalars())


def is_clinical(session: Session, user_id: UUID) -> bool:
    """Whether a user holds a clinical role anywhere, or will."""
    held = select(Grant.role).where(Grant.user_id == user_id, *_not_over())
    return any(role_of(role).plane == "clinical" for role in session.execute(held).scalars())


def planes_of(session: Session, user_id: UUID) -> frozenset[str]:
    """The planes on which a user holds a role that is in force."""
    held = select(Grant.role).where(Grant.user_id == user_id, Grant.starts_on <= today(), *_not_over())
    return frozenset(role_of(role).plane for role in session.execute(held).scalars())


def _give(session: Session, context: Context, given: dict[str, Any]) -> Grant:
    user = lock(session, User, given["user_id"])
    role = role_of(given["role"])
    entity = _entity_of_scope(session, given["scope_kind"], given["scope_id"])
    if role.plane == "clinical" and entity is not None:
        entity.require(EntityKind.CLINICAL_ENTITY)
    grant = Grant(
        organization_id=context.organization_id,
        given_by=context.principal_id,
        given_at=now(),
        **{**given, "starts_on": given.get("starts_on") or _today(entity)},
    )
    return record(session, grant, user)


def _today(entity: LegalEntity | None) -> date:
    return today(entity.time_zone if entity else "UTC")


def _entity_of_scope(session: Session, kind: str, scope_id: UUID | None) -> LegalEntity | None:
    """The legal entity a scope belongs to, where it belongs to one. Raises NotFound for a place out of reach."""
    if kind == "organization" or scope_id is None:
        return None
    if kind == "region":
        get(session, Region, scope_id)
        return None
    if kind == "location":
        site = get(session, Location, scope_id)
        return get(session, LegalEntity, site.legal_entity_id)
    return get(session, LegalEntity, scope_id)


def _require_no_owner(session: Session, legal_entity_id: UUID | None) -> None:
    if legal_entity_id is None:
        return
    entity = lock(session, LegalEntity, legal_entity_id)
    owned = select(Grant.id).where(_held(OWNER), Grant.scope_id == entity.id)
    if session.execute(owned).first():
        raise EntityHasOwner(entity.name)


def _held(role: str) -> ColumnElement[bool]:
    held: ColumnElement[bool] = Grant.role == role
    return held & Grant.revoked_at.is_(None) & (Grant.ends_on.is_(None) | (Grant.ends_on >= today()))


def _require_side(role: str, side: Side) -> None:
    named = role_of(role)
    belongs: Side = "officer" if role in OFFICERS else named.plane
    if belongs != side:
        raise NotYoursToGive(f"A {named.title} is not given or taken here.")


def _ending(session: Session, context: Context, grant_id: UUID, side: Side) -> Grant:
    grant = lock(session, Grant, grant_id)
    if context.scope.kind == "entity" and not _is_here(session, grant):
        raise NotFound("No such grant.")
    _require_side(grant.role, side)
    grant.revoke(context.principal_id, now())
    fact = GrantRevoked(
        grant_id=grant.id, user_id=grant.user_id, revoked_by=context.principal_id, revoked_at=grant.revoked_at or now()
    )
    emit(session, fact, grant)
    return grant


def _is_here(session: Session, grant: Grant) -> bool:
    return session.execute(select(Grant.id).where(Grant.id == grant.id, _at_visible_places())).first() is not None


def _at_visible_places() -> ColumnElement[bool]:
    # Which places are visible, row-level security decides.
    return or_(
        Grant.scope_id.in_(select(LegalEntity.legal_entity_id)), Grant.scope_id.in_(select(Location.location_id))
    )


def _reaches_here() -> ColumnElement[bool]:
    regions = select(Location.region_id).where(Location.region_id.is_not(None))
    return or_(Grant.scope_kind == "organization", _at_visible_places(), Grant.scope_id.in_(regions))


def _not_over() -> tuple[ColumnElement[bool], ...]:
    # A day of grace: where the grant lies, its last day may not be over yet. The door counts exactly.
    grace = today() - timedelta(days=1)
    return (Grant.revoked_at.is_(None), Grant.ends_on.is_(None) | (Grant.ends_on >= grace))


def _given(grant: Grant) -> GrantGiven:
    return GrantGiven(
        grant_id=grant.id,
        user_id=grant.user_id,
        role=grant.role,
        role_plane=role_of(grant.role).plane,
        scope_kind=grant.scope_kind,
        scope_id=grant.scope_id,
        starts_on=grant.starts_on,
        ends_on=grant.ends_on,
        given_by=grant.given_by,
    )


def _record(
    session: Session, context: Context, grant: Grant, outcome: Literal["approved", "revoked"], summary: str
) -> None:
    decisions.take(
        session,
        context,
        APPOINT,
        outcome=outcome,
        legal_entity_id=context.scope.legal_entity_id,
        subject_type="grant",
        subject_id=grant.id,
        summary=summary,
        after={"user_id": str(grant.user_id), "role": grant.role, "licence": grant.licence},
    )
