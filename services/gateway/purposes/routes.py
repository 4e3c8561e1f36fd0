"""Purpose grants over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.purposes import service
from services.gateway.purposes.schemas import PurposeDecisionIn, PurposeIn, PurposeOut, PurposeQuery
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("purposes", __name__, url_prefix="/purposes", description="Access to patient-level data")


@blueprint.route("", methods=["GET"])
@operation("gateway.purpose.list", plane="any", scopes=("network", "entity"))
@blueprint.arguments(PurposeQuery, location="query")
@blueprint.response(200, page_of(PurposeOut))
def list_purposes(query: dict[str, Any]) -> Any:
    """Purpose grants, newest first."""
    return service.list_purposes(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.purpose.propose", plane="business", scopes=("entity",))
@blueprint.arguments(PurposeIn)
@blueprint.response(201, PurposeOut)
def propose(body: dict[str, Any]) -> Any:
    """Ask the clinical entity's owner to open its patient-level data to a person."""
    purpose = service.propose(session(), context(), body)
    return purpose, 201, {"Location": f"/purposes/{purpose.id}", **etag(purpose.version)}


@blueprint.route("/<uuid:purpose_id>/decision", methods=["POST"])
@operation("gateway.purpose.decide", plane="clinical", scopes=("entity",), reserved=service.PHI)
@blueprint.arguments(PurposeDecisionIn)
@blueprint.response(200, PurposeOut)
def decide(body: dict[str, Any], purpose_id: UUID) -> Any:
    """Grant or refuse (reserved)."""
    return service.decide(session(), context(), purpose_id, body["granted"])


@blueprint.route("/<uuid:purpose_id>/revocation", methods=["POST"])
@operation("gateway.purpose.revoke", plane="clinical", scopes=("entity",), reserved=service.PHI)
@blueprint.response(200, PurposeOut)
def revoke(purpose_id: UUID) -> Any:
    """Close the data again (reserved)."""
    return service.revoke(session(), context(), purpose_id)
