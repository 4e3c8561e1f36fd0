"""Requisitions over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.catalog.service import Need
from services.procurement.requisitions import schemas, service
from services.procurement.requisitions.models import Requisition
from services.procurement.requisitions.service import Draft
from shared.db import get, lock
from shared.web.fields import attributes, page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("requisitions", __name__, url_prefix="/requisitions", description="What a site asks for")
_LISTED = attributes(schemas.RequisitionSummary)


@blueprint.route("", methods=["POST"])
@operation("procurement.requisition.create", plane="any", scopes=("location",))
@blueprint.arguments(schemas.RequisitionIn)
@blueprint.response(201, schemas.RequisitionOut)
def create(body: dict[str, Any]) -> Any:
    """Draft a requisition with its lines; `submit` asks for approval at once."""
    submit = body.pop("submit")
    requisition = service.draft(session(), context(), _draft(body), submit=submit)
    return requisition, 201, {"Location": f"/requisitions/{requisition.id}", **etag(requisition.version)}


@blueprint.route("", methods=["GET"])
@operation("procurement.requisition.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.RequisitionQuery, location="query")
@blueprint.response(200, page_of(schemas.RequisitionSummary))
def listing(query: dict[str, Any]) -> Any:
    """Requisitions without their lines, newest first."""
    return service.listing(session(), _LISTED, **query)


@blueprint.route("/<uuid:requisition_id>", methods=["GET"])
@operation("procurement.requisition.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.RequisitionOut)
def read(requisition_id: UUID) -> Any:
    """One requisition with its lines."""
    requisition = get(session(), Requisition, requisition_id)
    return requisition, 200, etag(requisition.version)


@blueprint.route("/<uuid:requisition_id>", methods=["PUT"])
@operation("procurement.requisition.update", plane="any", scopes=("location",), versioned=True)
@blueprint.arguments(schemas.DraftIn)
@blueprint.response(200, schemas.RequisitionOut)
def redraft(body: dict[str, Any], requisition_id: UUID) -> Any:
    """Replace what a draft or a rejected requisition asks for (If-Match)."""
    requisition = lock(session(), Requisition, requisition_id)
    require_match(requisition.version)
    service.redraft(session(), context(), requisition, _draft(body))
    return requisition, 200, etag(requisition.version)


@blueprint.route("/<uuid:requisition_id>/submission", methods=["POST"])
@operation("procurement.requisition.submit", plane="any", scopes=("location",))
@blueprint.response(200, schemas.RequisitionOut)
def submit(requisition_id: UUID) -> Any:
    """Ask for approval, at the prices of today."""
    requisition = service.submit(session(), context(), requisition_id)
    return requisition, 200, etag(requisition.version)


@blueprint.route("/<uuid:requisition_id>/approval", methods=["POST"])
@operation("procurement.requisition.approve", plane="business", scopes=("location",))
@blueprint.response(200, schemas.RequisitionOut)
def approve(requisition_id: UUID) -> Any:
    """Allow it within one's limit; the purchase orders go out."""
    requisition = service.approve(session(), context(), requisition_id)
    return requisition, 200, etag(requisition.version)


@blueprint.route("/<uuid:requisition_id>/rejection", methods=["POST"])
@operation("procurement.requisition.reject", plane="business", scopes=("location",))
@blueprint.arguments(schemas.RejectionIn)
@blueprint.response(200, schemas.RequisitionOut)
def reject(body: dict[str, Any], requisition_id: UUID) -> Any:
    """Send it back to its requester, with a reason."""
    requisition = service.reject(session(), context(), requisition_id, body["reason"])
    return requisition, 200, etag(requisition.version)


@blueprint.route("/<uuid:requisition_id>/cancellation", methods=["POST"])
@operation("procurement.requisition.cancel", plane="any", scopes=("location",))
@blueprint.response(200, schemas.RequisitionOut)
def cancel(requisition_id: UUID) -> Any:
    """Withdraw a requisition that was not ordered yet."""
    requisition = service.cancel(session(), requisition_id)
    return requisition, 200, etag(requisition.version)


def _draft(body: dict[str, Any]) -> Draft:
    return Draft([Need(**line) for line in body["lines"]], body["need_by"], body["note"])
