"""Purchase orders over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response

from services.procurement.orders import schemas, service
from services.procurement.orders.models import PurchaseOrder
from services.procurement.orders.service import Revision
from services.procurement.vendors.models import Vendor
from shared.db import get, lock
from shared.directory import entity, location
from shared.web.fields import PageQuery, attributes, page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("orders", __name__, url_prefix="/orders", description="Purchase orders")
_LISTED = attributes(schemas.OrderSummary)


@blueprint.route("", methods=["GET"])
@operation("procurement.order.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.OrderQuery, location="query")
@blueprint.response(200, page_of(schemas.OrderSummary))
def listing(query: dict[str, Any]) -> Any:
    """Purchase orders without their lines, newest first."""
    return service.listing(session(), _LISTED, **query)


@blueprint.route("/<uuid:order_id>", methods=["GET"])
@operation("procurement.order.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.OrderOut)
def read(order_id: UUID) -> Any:
    """One purchase order with its lines and what of them arrived."""
    order = get(session(), PurchaseOrder, order_id)
    return order, 200, etag(order.version)


@blueprint.route("/<uuid:order_id>/document", methods=["GET"])
@operation("procurement.order.download", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, content_type="application/pdf")
def download(order_id: UUID) -> Response:
    """The purchase order as the vendor gets it (PDF)."""
    order = get(session(), PurchaseOrder, order_id)
    site = location(session(), order.location_id)
    buyer = entity(session(), order.legal_entity_id)
    # The PDF library is 14 MB of memory that most processes never need.
    from services.procurement.orders import document

    body = document.render(order, get(session(), Vendor, order.vendor_id), buyer, site)
    disposition = f'attachment; filename="{order.number}-v{order.revision}.pdf"'
    return Response(body, mimetype="application/pdf", headers={"Content-Disposition": disposition})


@blueprint.route("/<uuid:order_id>/revisions", methods=["POST"])
@operation("procurement.order.revise", plane="business", scopes=("location",), versioned=True)
@blueprint.arguments(schemas.RevisionIn)
@blueprint.response(200, schemas.OrderOut)
def revise(body: dict[str, Any], order_id: UUID) -> Any:
    """Send the order in a new version: other quantities or prices (If-Match)."""
    order = lock(session(), PurchaseOrder, order_id)
    require_match(order.version)
    changes = [Revision(**line) for line in body["lines"]]
    service.revise(session(), context(), order, changes, body["reason"])
    return order, 200, etag(order.version)


@blueprint.route("/<uuid:order_id>/revisions", methods=["GET"])
@operation("procurement.order_version.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.VersionOut))
def versions(query: dict[str, Any], order_id: UUID) -> Any:
    """What the order said before each revision, newest first."""
    return service.versions(session(), get(session(), PurchaseOrder, order_id).id, **query)


@blueprint.route("/<uuid:order_id>/cancellation", methods=["POST"])
@operation("procurement.order.cancel", plane="business", scopes=("location",))
@blueprint.arguments(schemas.ReasonIn)
@blueprint.response(200, schemas.OrderOut)
def cancel(body: dict[str, Any], order_id: UUID) -> Any:
    """Cancel an order of which nothing arrived."""
    order = service.cancel(session(), order_id, body["reason"])
    return order, 200, etag(order.version)


@blueprint.route("/<uuid:order_id>/closure", methods=["POST"])
@operation("procurement.order.close", plane="business", scopes=("location",))
@blueprint.arguments(schemas.ReasonIn)
@blueprint.response(200, schemas.OrderOut)
def close(body: dict[str, Any], order_id: UUID) -> Any:
    """Expect nothing more of an order."""
    order = service.close(session(), order_id, body["reason"])
    return order, 200, etag(order.version)
