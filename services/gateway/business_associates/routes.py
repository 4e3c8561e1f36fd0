"""Business-associate agreements over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.business_associates import service
from services.gateway.business_associates.schemas import AssociationEndIn, AssociationIn, AssociationOut
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint(
    "business_associates",
    __name__,
    url_prefix="/business-associate-agreements",
    description="Business-associate agreements",
)


@blueprint.route("", methods=["GET"])
@operation("gateway.business_associate_agreement.list", plane="any", scopes=("network", "entity"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(AssociationOut))
def list_agreements(query: dict[str, Any]) -> Any:
    """Business-associate agreements, newest first."""
    return service.list_agreements(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.business_associate_agreement.record", plane="business", scopes=("organization",))
@blueprint.arguments(AssociationIn)
@blueprint.response(201, AssociationOut)
def record(body: dict[str, Any]) -> Any:
    """Record a signed business-associate agreement."""
    agreement = service.record(session(), context(), body)
    return agreement, 201, {"Location": f"/business-associate-agreements/{agreement.id}"}


@blueprint.route("/<uuid:agreement_id>/end", methods=["POST"])
@operation("gateway.business_associate_agreement.end", plane="any", scopes=("organization", "entity"))
@blueprint.arguments(AssociationEndIn)
@blueprint.response(200, AssociationOut)
def end(body: dict[str, Any], agreement_id: UUID) -> Any:
    """End a business-associate agreement; either side may."""
    return service.end(session(), agreement_id, body["ends_on"])
