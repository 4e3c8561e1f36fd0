"""Locations over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.locations import service
from services.gateway.locations.models import Location
from services.gateway.locations.schemas import LocationChangeIn, LocationIn, LocationOut, LocationQuery
from shared.db import lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("locations", __name__, url_prefix="/locations", description="Med spas")


@blueprint.route("", methods=["GET"])
@operation("gateway.location.list", plane="any", scopes=("network", "entity"))
@blueprint.arguments(LocationQuery, location="query")
@blueprint.response(200, page_of(LocationOut))
def list_locations(query: dict[str, Any]) -> Any:
    """Locations that the caller has to do with, by code."""
    return service.list_locations(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.location.register", plane="business", scopes=("organization",))
@blueprint.arguments(LocationIn)
@blueprint.response(201, LocationOut)
def register(body: dict[str, Any]) -> Any:
    """Register a location."""
    location = service.register(session(), context(), body)
    return location, 201, {"Location": f"/locations/{location.id}", **etag(location.version)}


@blueprint.route("/<uuid:location_id>", methods=["GET"])
@operation("gateway.location.read", plane="any", scopes=("network", "entity", "location"))
@blueprint.response(200, LocationOut)
def read(location_id: UUID) -> Any:
    """One location."""
    location = service.read(session(), location_id)
    return location, 200, etag(location.version)


@blueprint.route("/<uuid:location_id>", methods=["PATCH"])
@operation("gateway.location.change", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(LocationChangeIn)
@blueprint.response(200, LocationOut)
def change(body: dict[str, Any], location_id: UUID) -> Any:
    """Change a location: its name, region, hours or status."""
    location = lock(session(), Location, location_id)
    require_match(location.version)
    changed = service.change(session(), location, body)
    return changed, 200, etag(changed.version)
