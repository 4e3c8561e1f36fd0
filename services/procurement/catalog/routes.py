"""The catalogue over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.catalog import schemas, service
from services.procurement.catalog.models import Item
from services.procurement.catalog.rules import ItemFacts
from shared.db import get, lock
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("items", __name__, url_prefix="/items", description="What can be bought")


@blueprint.route("", methods=["POST"])
@operation("procurement.item.create", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.ItemIn)
@blueprint.response(201, schemas.ItemOut)
def create(body: dict[str, Any]) -> Any:
    """Add an item to the catalogue."""
    item = service.record_item(session(), context(), ItemFacts(**body))
    session().flush()
    return item, 201, {"Location": f"/items/{item.id}", **etag(item.version)}


@blueprint.route("", methods=["GET"])
@operation("procurement.item.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.ItemQuery, location="query")
@blueprint.response(200, page_of(schemas.ItemOut))
def listing(query: dict[str, Any]) -> Any:
    """Items by SKU; `search` looks in name, SKU and manufacturer."""
    return service.items(session(), **query)


@blueprint.route("/<uuid:item_id>", methods=["GET"])
@operation("procurement.item.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.ItemOut)
def read(item_id: UUID) -> Any:
    """One item."""
    item = get(session(), Item, item_id)
    return item, 200, etag(item.version)


@blueprint.route("/<uuid:item_id>", methods=["PUT"])
@operation("procurement.item.update", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(schemas.ItemChangeIn)
@blueprint.response(200, schemas.ItemOut)
def change(body: dict[str, Any], item_id: UUID) -> Any:
    """Describe an item anew, or retire it (If-Match)."""
    item = lock(session(), Item, item_id)
    require_match(item.version)
    status = body.pop("status")
    service.change_item(session(), item, ItemFacts(**body), status)
    session().flush()
    return item, 200, etag(item.version)


@blueprint.route("/<uuid:item_id>/prices", methods=["POST"])
@operation("procurement.price.create", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.PriceIn)
@blueprint.response(201, schemas.PriceOut)
def record_price(body: dict[str, Any], item_id: UUID) -> Any:
    """Record what a vendor asks for an item from a day on."""
    return service.record_price(session(), context(), get(session(), Item, item_id), **body)


@blueprint.route("/<uuid:item_id>/prices", methods=["GET"])
@operation("procurement.price.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.PriceOut))
def prices(query: dict[str, Any], item_id: UUID) -> Any:
    """An item's prices, newest first."""
    return service.prices(session(), item_id, **query)
