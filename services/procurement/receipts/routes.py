"""Receipts over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.receipts import schemas, service
from services.procurement.receipts.models import Receipt
from services.procurement.receipts.rules import Delivered
from services.procurement.receipts.service import Delivery
from shared.db import get
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("receipts", __name__, description="Goods that arrived")


@blueprint.route("/orders/<uuid:order_id>/receipts", methods=["POST"])
@operation("procurement.receipt.post", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(schemas.DeliveryIn)
@blueprint.response(201, schemas.ReceiptOut)
@blueprint.otherwise(200, schemas.ReceiptOut)
def post(body: dict[str, Any], order_id: UUID) -> Any:
    """Receive a delivery. The same packing slip with the same contents again answers 200 with the first receipt."""
    lines = [Delivered(**line) for line in body.pop("lines")]
    receipt, fresh = service.post(session(), context(), order_id, Delivery(lines=lines, **body))
    return receipt, 201 if fresh else 200, {"Location": f"/receipts/{receipt.id}"}


@blueprint.route("/receipts", methods=["GET"])
@operation("procurement.receipt.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.ReceiptQuery, location="query")
@blueprint.response(200, page_of(schemas.ReceiptSummary))
def listing(query: dict[str, Any]) -> Any:
    """Receipts without their lines, newest first."""
    return service.listing(session(), **query)


@blueprint.route("/receipts/<uuid:receipt_id>", methods=["GET"])
@operation("procurement.receipt.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.ReceiptOut)
def read(receipt_id: UUID) -> Any:
    """One receipt with its lots."""
    return get(session(), Receipt, receipt_id)
