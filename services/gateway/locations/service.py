"""Register, change and read locations."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.legal_entities.models import EntityKind, LegalEntity
from services.gateway.locations.models import Location, LocationStatus
from services.gateway.regions.models import Region
from shared.contracts.gateway import LocationRecorded
from shared.db import get
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page


def register(session: Session, context: Context, given: dict[str, Any]) -> Location:
    """A new location of a clinical entity. Raises NotThisKindOfEntity."""
    get(session, LegalEntity, given["legal_entity_id"]).require(EntityKind.CLINICAL_ENTITY)
    _require_region(session, given)
    location = Location(organization_id=context.organization_id, **given)
    session.add(location)
    session.flush()
    emit(session, _recorded(location), location)
    return location


def change(session: Session, location: Location, given: dict[str, Any]) -> Location:
    """Take the values that are given; `location` is locked. Raises LocationClosed."""
    _require_region(session, given)
    location.change(**given)
    if session.is_modified(location):
        emit(session, _recorded(location), location)
        session.flush()
    return location


def read(session: Session, location_id: UUID) -> Location:
    """Raises NotFound."""
    return get(session, Location, location_id)


def list_locations(session: Session, *, status: str | None, limit: int, cursor: str | None) -> Page[Location]:
    """Locations in scope, by code."""
    query = select(Location)
    if status is not None:
        query = query.where(Location.status == status)
    return page(session, query, [Location.code, Location.location_id], limit=limit, cursor=cursor, descending=False)


def _require_region(session: Session, given: dict[str, Any]) -> None:
    if given.get("region_id") is not None:
        get(session, Region, cast(UUID, given["region_id"]))


def _recorded(location: Location) -> LocationRecorded:
    return LocationRecorded(
        location_id=location.id,
        code=location.code,
        name=location.name,
        state=location.state,
        locality=location.locality,
        time_zone=location.time_zone,
        legal_entity_id=location.legal_entity_id,
        status=LocationStatus(location.status).value,
    )
