"""Regions over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.regions import service
from services.gateway.regions.schemas import RegionIn, RegionOut
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("regions", __name__, url_prefix="/regions", description="Groups of locations")


@blueprint.route("", methods=["GET"])
@operation("gateway.region.list", plane="any", scopes=("organization",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(RegionOut))
def list_regions(query: dict[str, Any]) -> Any:
    """Regions by name."""
    return service.list_regions(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.region.create", plane="business", scopes=("organization",))
@blueprint.arguments(RegionIn)
@blueprint.response(201, RegionOut)
def create(body: dict[str, Any]) -> Any:
    """Make a region; locations are put into it by changing them."""
    region = service.create(session(), context(), body["name"])
    return region, 201, {"Location": f"/regions/{region.id}"}


@blueprint.route("/<uuid:region_id>", methods=["PUT"])
@operation("gateway.region.rename", plane="business", scopes=("organization",))
@blueprint.arguments(RegionIn)
@blueprint.response(200, RegionOut)
def rename(body: dict[str, Any], region_id: UUID) -> Any:
    """Rename a region."""
    return service.rename(session(), region_id, body["name"])
