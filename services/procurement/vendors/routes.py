"""Vendors over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.vendors import schemas, service
from services.procurement.vendors.models import Vendor
from services.procurement.vendors.rules import VendorFacts
from shared.db import get, lock
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("vendors", __name__, url_prefix="/vendors", description="Whom the franchise buys from")


@blueprint.route("", methods=["POST"])
@operation("procurement.vendor.create", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.VendorIn)
@blueprint.response(201, schemas.VendorOut)
def create(body: dict[str, Any]) -> Any:
    """Add a vendor."""
    vendor = service.record(session(), context(), VendorFacts(**body))
    session().flush()
    return vendor, 201, {"Location": f"/vendors/{vendor.id}", **etag(vendor.version)}


@blueprint.route("", methods=["GET"])
@operation("procurement.vendor.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.VendorQuery, location="query")
@blueprint.response(200, page_of(schemas.VendorOut))
def listing(query: dict[str, Any]) -> Any:
    """Vendors by code."""
    return service.listing(session(), **query)


@blueprint.route("/<uuid:vendor_id>", methods=["GET"])
@operation("procurement.vendor.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.VendorOut)
def read(vendor_id: UUID) -> Any:
    """One vendor."""
    vendor = get(session(), Vendor, vendor_id)
    return vendor, 200, etag(vendor.version)


@blueprint.route("/<uuid:vendor_id>", methods=["PUT"])
@operation("procurement.vendor.update", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(schemas.VendorChangeIn)
@blueprint.response(200, schemas.VendorOut)
def change(body: dict[str, Any], vendor_id: UUID) -> Any:
    """Describe a vendor anew, block or release it (If-Match)."""
    vendor = lock(session(), Vendor, vendor_id)
    require_match(vendor.version)
    status = body.pop("status")
    service.change(session(), vendor, VendorFacts(**body), status)
    session().flush()
    return vendor, 200, etag(vendor.version)


@blueprint.route("/<uuid:vendor_id>/bank-changes", methods=["POST"])
@operation("procurement.vendor_bank_change.propose", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.BankChangeIn)
@blueprint.response(201, schemas.BankChangeOut)
def propose_bank_change(body: dict[str, Any], vendor_id: UUID) -> Any:
    """Propose new bank details; a second person confirms them."""
    proposed = service.propose_bank_change(session(), context(), vendor_id, body)
    return proposed, 201, {"Location": f"/vendors/{vendor_id}/bank-changes/{proposed.id}"}


@blueprint.route("/<uuid:vendor_id>/bank-changes", methods=["GET"])
@operation("procurement.vendor_bank_change.list", plane="business", scopes=("organization",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.BankChangeOut))
def bank_changes(query: dict[str, Any], vendor_id: UUID) -> Any:
    """Changes of a vendor's bank details, newest first."""
    return service.bank_changes(session(), vendor_id, **query)


@blueprint.route("/<uuid:vendor_id>/bank-changes/<uuid:change_id>/confirmation", methods=["POST"])
@operation("procurement.vendor_bank_change.confirm", plane="business", scopes=("organization",))
@blueprint.response(200, schemas.BankChangeOut)
def confirm_bank_change(vendor_id: UUID, change_id: UUID) -> Any:
    """Confirm new bank details as the second person."""
    return service.confirm_bank_change(session(), context(), vendor_id, change_id)


@blueprint.route("/<uuid:vendor_id>/bank-changes/<uuid:change_id>/refusal", methods=["POST"])
@operation("procurement.vendor_bank_change.refuse", plane="business", scopes=("organization",))
@blueprint.response(200, schemas.BankChangeOut)
def refuse_bank_change(vendor_id: UUID, change_id: UUID) -> Any:
    """Drop a proposed change of bank details."""
    return service.refuse_bank_change(session(), context(), vendor_id, change_id)
