"""Agreements over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.agreements import service
from services.gateway.agreements.schemas import AgreementIn, AgreementOut, AgreementQuery, EndIn, SignatureIn
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("agreements", __name__, url_prefix="/agreements", description="Management services agreements")


@blueprint.route("", methods=["GET"])
@operation("gateway.agreement.list", plane="any", scopes=("network", "entity"))
@blueprint.arguments(AgreementQuery, location="query")
@blueprint.response(200, page_of(AgreementOut))
def list_agreements(query: dict[str, Any]) -> Any:
    """Agreements, newest first."""
    return service.list_agreements(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.agreement.draft", plane="business", scopes=("organization",))
@blueprint.arguments(AgreementIn)
@blueprint.response(201, AgreementOut)
def draft(body: dict[str, Any]) -> Any:
    """Draft an agreement for the clinical entity's owner to sign."""
    agreement = service.draft(session(), context(), body)
    return agreement, 201, {"Location": f"/agreements/{agreement.id}", **etag(agreement.version)}


@blueprint.route("/<uuid:agreement_id>", methods=["GET"])
@operation("gateway.agreement.read", plane="any", scopes=("network", "entity"))
@blueprint.response(200, AgreementOut)
def read(agreement_id: UUID) -> Any:
    """One agreement."""
    agreement = service.read(session(), agreement_id)
    return agreement, 200, etag(agreement.version)


@blueprint.route("/<uuid:agreement_id>/signature", methods=["POST"])
@operation("gateway.agreement.sign", plane="clinical", scopes=("entity",), reserved=service.SIGN)
@blueprint.arguments(SignatureIn)
@blueprint.response(200, AgreementOut)
def sign(body: dict[str, Any], agreement_id: UUID) -> Any:
    """Sign an agreement (reserved); from its first day it opens the clinical entity's sites to the MSO."""
    return service.sign(session(), context(), agreement_id, body["signed_on"])


@blueprint.route("/<uuid:agreement_id>/end", methods=["POST"])
@operation("gateway.agreement.end", plane="clinical", scopes=("entity",), reserved=service.SIGN)
@blueprint.arguments(EndIn)
@blueprint.response(200, AgreementOut)
def end(body: dict[str, Any], agreement_id: UUID) -> Any:
    """End a signed agreement (reserved)."""
    return service.end(session(), context(), agreement_id, body["ends_on"])


@blueprint.route("/<uuid:agreement_id>/withdrawal", methods=["POST"])
@operation("gateway.agreement.withdraw", plane="business", scopes=("organization",))
@blueprint.response(200, AgreementOut)
def withdraw(agreement_id: UUID) -> Any:
    """Take a draft back."""
    return service.withdraw(session(), agreement_id)
