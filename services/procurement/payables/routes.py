"""Vendors' bills over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.payables import schemas, service
from services.procurement.payables.models import VendorBill
from services.procurement.payables.service import Billed, BilledLine
from shared.db import get
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("bills", __name__, url_prefix="/bills", description="Vendors' bills and the three-way match")


@blueprint.route("", methods=["POST"])
@operation("procurement.vendor_bill.enter", plane="business", scopes=("location",), idempotency="required")
@blueprint.arguments(schemas.BillIn)
@blueprint.response(201, schemas.BillOut)
def enter(body: dict[str, Any]) -> Any:
    """Enter a vendor's bill; it is matched against order and receipts at once."""
    order_id = body.pop("order_id")
    bill = service.enter(session(), context(), order_id, _billed(body))
    return bill, 201, {"Location": f"/bills/{bill.id}", **etag(bill.version)}


@blueprint.route("", methods=["GET"])
@operation("procurement.vendor_bill.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.BillQuery, location="query")
@blueprint.response(200, page_of(schemas.BillSummary))
def listing(query: dict[str, Any]) -> Any:
    """Bills without their lines, newest first."""
    return service.listing(session(), **query)


@blueprint.route("/<uuid:bill_id>", methods=["GET"])
@operation("procurement.vendor_bill.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.BillOut)
def read(bill_id: UUID) -> Any:
    """One bill with its lines and why it is held."""
    bill = get(session(), VendorBill, bill_id)
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>", methods=["PUT"])
@operation("procurement.vendor_bill.correct", plane="business", scopes=("location",), versioned=True)
@blueprint.arguments(schemas.BilledIn)
@blueprint.response(200, schemas.BillOut)
def correct(body: dict[str, Any], bill_id: UUID) -> Any:
    """Replace an open bill by its corrected version; it is matched anew (If-Match)."""
    _, bill = service.locked(session(), bill_id)
    require_match(bill.version)
    bill = service.correct(session(), context(), bill_id, _billed(body))
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>/match", methods=["POST"])
@operation("procurement.vendor_bill.match", plane="business", scopes=("location",))
@blueprint.response(200, schemas.BillOut)
def match(bill_id: UUID) -> Any:
    """Match an open bill against what arrived since."""
    bill = service.rematch(session(), bill_id)
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>/release", methods=["POST"])
@operation("procurement.vendor_bill.release", plane="business", scopes=("location",))
@blueprint.arguments(schemas.ReleaseIn)
@blueprint.response(200, schemas.BillOut)
def release(body: dict[str, Any], bill_id: UUID) -> Any:
    """Let a bill pass that is held for its price or charges, with a reason."""
    bill = service.release(session(), context(), bill_id, body["reason"])
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>/approval", methods=["POST"])
@operation("procurement.vendor_bill.approve", plane="business", scopes=("location",), idempotency="required")
@blueprint.response(200, schemas.BillOut)
def approve(bill_id: UUID) -> Any:
    """Make a matched bill payable, within one's limit."""
    bill = service.approve(session(), context(), bill_id)
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>/cancellation", methods=["POST"])
@operation("procurement.vendor_bill.cancel", plane="business", scopes=("location",))
@blueprint.response(200, schemas.BillOut)
def cancel(bill_id: UUID) -> Any:
    """Drop a bill that was entered by mistake."""
    bill = service.cancel(session(), bill_id)
    return bill, 200, etag(bill.version)


@blueprint.route("/<uuid:bill_id>/versions", methods=["GET"])
@operation("procurement.vendor_bill_version.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.BillVersionOut))
def versions(query: dict[str, Any], bill_id: UUID) -> Any:
    """What a bill said before each correction, newest first."""
    return service.versions(session(), bill_id, **query)


def _billed(body: dict[str, Any]) -> Billed:
    return Billed(**body | {"lines": [BilledLine(**line) for line in body["lines"]]})
