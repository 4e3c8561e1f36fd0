"""HTTP of charges. What was done to whom is patient-level data; the work list of the unbilled is not."""

from typing import Any
from uuid import UUID

from services.billing.accounts.schemas import PurposeQuery
from services.billing.charges import service
from services.billing.charges.models import Charge
from services.billing.charges.schemas import ChargeDetail, ChargeOut, ChargeQuery, CorrectionIn, UnbilledOut, VoidIn
from shared.pagination import Page
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("charges", __name__, url_prefix="/charges", description="Charges")
unbilled_blueprint = Blueprint("unbilled", __name__, url_prefix="/unbilled", description="What waits to be invoiced")


@blueprint.route("", methods=["GET"])
@operation("billing.charge.list", plane="any", scopes=("location", "entity"), data_class="patient_account")
@blueprint.arguments(ChargeQuery, location="query")
@blueprint.response(200, page_of(ChargeOut))
def list_charges(query: dict[str, Any]) -> Page[Charge]:
    return service.listing(session(), context(), **query)


@blueprint.route("/<uuid:charge_id>", methods=["GET"])
@operation("billing.charge.read", plane="any", scopes=("location", "entity"), data_class="patient_account")
@blueprint.arguments(PurposeQuery, location="query")
@blueprint.response(200, ChargeDetail)
def read(query: dict[str, Any], charge_id: UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    charge = service.read(session(), context(), charge_id, query["purpose"])
    shown = {name: getattr(charge, name) for name in ChargeOut().fields}
    return {**shown, "revisions": service.revisions(session(), charge.id)}, 200, etag(charge.version)


@blueprint.route("/<uuid:charge_id>/correction", methods=["POST"])
@operation(
    "billing.charge.correct",
    plane="clinical",
    scopes=("location",),
    data_class="patient_account",
    reserved="billing.coding.decide",
)
@blueprint.arguments(CorrectionIn)
@blueprint.response(200, ChargeOut)
def correct(body: dict[str, Any], charge_id: UUID) -> tuple[Charge, int, dict[str, str]]:
    charge = service.correct(session(), context(), charge_id, **body)
    return charge, 200, etag(charge.version)


@blueprint.route("/<uuid:charge_id>/void", methods=["POST"])
@operation(
    "billing.charge.void",
    plane="clinical",
    scopes=("location",),
    data_class="patient_account",
    reserved="billing.coding.decide",
)
@blueprint.arguments(VoidIn)
@blueprint.response(200, ChargeOut)
def void(body: dict[str, Any], charge_id: UUID) -> tuple[Charge, int, dict[str, str]]:
    charge = service.void(session(), context(), charge_id, body["reason"])
    return charge, 200, etag(charge.version)


@unbilled_blueprint.route("", methods=["GET"])
@operation("billing.unbilled.list", plane="any", scopes=("location", "entity", "network"))
@unbilled_blueprint.arguments(PageQuery, location="query")
@unbilled_blueprint.response(200, page_of(UnbilledOut))
def list_unbilled(query: dict[str, Any]) -> Page[service.Unbilled]:
    return service.unbilled(session(), **query)
