"""Read one organization's directory out of the database into the door's plain facts."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.agreements import models as agreements
from services.gateway.business_associates.models import BusinessAssociateAgreement
from services.gateway.grants import models as grants
from services.gateway.legal_entities.models import EntityKind, LegalEntity
from services.gateway.locations import models as locations
from services.gateway.organizations import models as organizations
from services.gateway.principals.snapshot import Agreement, Entity, Grant, Location, Organization, Period
from services.gateway.purposes.models import PurposeGrant, PurposeStatus
from services.gateway.roles import ROLES, ScopeKind
from shared.clock import today
from shared.db import get


def version_of(session: Session, organization_id: UUID) -> int:
    """The version of everything the door reads. Raises NotFound."""
    found = select(organizations.Organization.directory_version).where(
        organizations.Organization.organization_id == organization_id
    )
    version = session.execute(found).scalar()
    return get(session, organizations.Organization, organization_id).directory_version if version is None else version


def load(session: Session, organization_id: UUID) -> Organization:
    """The organization as it is now. The version is read first: what changes meanwhile is read again next time."""
    version = version_of(session, organization_id)
    signed = _signed(session)
    entities = _entities(session, signed)
    return Organization(
        id=organization_id,
        version=version,
        name=get(session, organizations.Organization, organization_id).name,
        entities=entities,
        locations=_locations(session, signed, entities),
        grants=_grants(session),
        purposes=_purposes(session),
    )


def _signed(session: Session) -> list[agreements.Agreement]:
    rows = select(agreements.Agreement).where(agreements.Agreement.status == agreements.AgreementStatus.SIGNED)
    return list(session.execute(rows).scalars())


def _term(row: agreements.Agreement) -> Agreement:
    # It opens nothing before the day it was signed, whatever its first day is.
    begins = max(row.starts_on, row.signed_on or row.starts_on)
    return Agreement(Period(begins, row.ends_on), frozenset(row.services), row.id, row.mso_id)


def _entities(session: Session, signed: Iterable[agreements.Agreement]) -> dict[UUID, Entity]:
    parties, associations = defaultdict(list), defaultdict(list)
    for row in signed:
        parties[row.legal_entity_id].append(_term(row))
    for baa in session.execute(select(BusinessAssociateAgreement)).scalars():
        associations[baa.legal_entity_id].append(Period(baa.signed_on, baa.ends_on))
    return {
        row.id: Entity(
            id=row.id,
            kind=EntityKind(row.kind).value,
            name=row.name,
            zone=row.time_zone,
            agreements=tuple(parties[row.id]),
            associations=tuple(associations[row.id]),
        )
        for row in session.execute(select(LegalEntity)).scalars()
    }


def _locations(
    session: Session, signed: Iterable[agreements.Agreement], entities: dict[UUID, Entity]
) -> dict[UUID, Location]:
    named = defaultdict(list)
    for row in signed:
        for location_id in row.location_ids:
            named[location_id].append(_term(row))
    return {
        row.id: Location(
            id=row.id,
            entity=entities[row.legal_entity_id],
            region_id=row.region_id,
            zone=row.time_zone,
            agreements=tuple(named[row.id]),
            name=row.name,
        )
        for row in session.execute(select(locations.Location)).scalars()
    }


def _grants(session: Session) -> dict[UUID, tuple[Grant, ...]]:
    # A day more than needed: what has ended where the site lies may not have ended where we are, and the reverse.
    recent = today() - timedelta(days=1)
    rows = select(grants.Grant).where(
        grants.Grant.revoked_at.is_(None), grants.Grant.ends_on.is_(None) | (grants.Grant.ends_on >= recent)
    )
    held: dict[UUID, list[Grant]] = defaultdict(list)
    for row in session.execute(rows).scalars():
        if row.role in ROLES:
            held[row.user_id].append(_grant(row))
    return {user_id: tuple(given) for user_id, given in held.items()}


def _grant(row: grants.Grant) -> Grant:
    limits: dict[str, Decimal] = {} if row.approval_limit is None else {"approval": row.approval_limit}
    return Grant(
        role=row.role,
        scope_kind=cast(ScopeKind, row.scope_kind),
        scope_id=row.scope_id,
        period=Period(row.starts_on, row.ends_on),
        limits=limits,
        licence=row.licence,
        id=row.id,
    )


def _purposes(session: Session) -> dict[UUID, tuple[tuple[UUID, Period], ...]]:
    opened: dict[UUID, list[tuple[UUID, Period]]] = defaultdict(list)
    rows = select(PurposeGrant).where(
        PurposeGrant.status == PurposeStatus.GRANTED, PurposeGrant.ends_on >= today() - timedelta(days=1)
    )
    for row in session.execute(rows).scalars():
        opened[row.user_id].append((row.legal_entity_id, Period(row.starts_on, row.ends_on)))
    return {user_id: tuple(given) for user_id, given in opened.items()}
