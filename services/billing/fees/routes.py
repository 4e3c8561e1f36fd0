"""HTTP of fee terms: proposed by the business side, decided by the owner of the clinical entity."""

from typing import Any
from uuid import UUID

from services.billing.fees import service
from services.billing.fees.models import FeeTerms
from services.billing.fees.schemas import AgreementQuery, FeeRefusalIn, FeeTermsIn, FeeTermsOut
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("fee_terms", __name__, url_prefix="/fee-terms", description="Terms of the management fee")


@blueprint.route("", methods=["POST"])
@operation("billing.fee_terms.propose", plane="business", scopes=("entity",))
@blueprint.arguments(FeeTermsIn)
@blueprint.response(201, FeeTermsOut)
def propose(body: dict[str, Any]) -> tuple[FeeTerms, int, dict[str, str]]:
    terms = service.propose(session(), context(), **body)
    return terms, 201, {"Location": f"fee-terms/{terms.id}", **etag(terms.version)}


@blueprint.route("", methods=["GET"])
@operation("billing.fee_terms.list", plane="any", scopes=("entity", "network"))
@blueprint.arguments(AgreementQuery, location="query")
@blueprint.response(200, page_of(FeeTermsOut))
def list_terms(query: dict[str, Any]) -> Page[FeeTerms]:
    return service.listing(session(), **query)


@blueprint.route("/<uuid:terms_id>", methods=["GET"])
@operation("billing.fee_terms.read", plane="any", scopes=("entity",))
@blueprint.response(200, FeeTermsOut)
def read(terms_id: UUID) -> FeeTerms:
    return get(session(), FeeTerms, terms_id)


@blueprint.route("/<uuid:terms_id>/check", methods=["POST"])
@operation("billing.fee_terms.check", plane="any", scopes=("entity",))
@blueprint.response(200, FeeTermsOut)
def check(terms_id: UUID) -> FeeTerms:
    return service.check_again(session(), terms_id)


@blueprint.route("/<uuid:terms_id>/approval", methods=["POST"])
@operation("billing.fee_terms.approve", plane="clinical", scopes=("entity",), reserved=service.DECISION)
@blueprint.response(200, FeeTermsOut)
def approve(terms_id: UUID) -> FeeTerms:
    return service.decide(session(), context(), terms_id, "approved")


@blueprint.route("/<uuid:terms_id>/refusal", methods=["POST"])
@operation("billing.fee_terms.refuse", plane="clinical", scopes=("entity",), reserved=service.DECISION)
@blueprint.arguments(FeeRefusalIn)
@blueprint.response(200, FeeTermsOut)
def refuse(body: dict[str, Any], terms_id: UUID) -> FeeTerms:
    return service.decide(session(), context(), terms_id, "refused", body["reason"])
