"""HTTP of payments. They move money: an Idempotency-Key is required."""

from typing import Any
from uuid import UUID

from services.billing.accounts.service import Place
from services.billing.payments import service
from services.billing.payments.models import Payment
from services.billing.payments.schemas import AllocationsIn, PaymentDetail, PaymentIn, PaymentOut, PaymentQuery
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("payments", __name__, url_prefix="/payments", description="Payments")


def _shares(body: dict[str, Any]) -> list[service.Share] | None:
    sent = body.pop("allocations")
    return None if sent is None else [service.Share(**share) for share in sent]


@blueprint.route("", methods=["GET"])
@operation("billing.payment.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PaymentQuery, location="query")
@blueprint.response(200, page_of(PaymentOut))
def list_payments(query: dict[str, Any]) -> Page[Payment]:
    return service.listing(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("billing.payment.receive", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(PaymentIn)
@blueprint.response(201, PaymentOut)
def receive(body: dict[str, Any]) -> tuple[Payment, int, dict[str, str]]:
    shares = _shares(body)
    payment = service.receive(session(), Place.of(context()), context().principal_id, **body, allocations=shares)
    return payment, 201, {"Location": f"payments/{payment.id}", **etag(payment.version)}


@blueprint.route("/<uuid:payment_id>", methods=["GET"])
@operation("billing.payment.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, PaymentDetail)
def read(payment_id: UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    payment = get(session(), Payment, payment_id)
    shown = {name: getattr(payment, name) for name in PaymentOut().fields}
    return {**shown, "allocations": service.allocations_of(session(), payment.id)}, 200, etag(payment.version)


@blueprint.route("/<uuid:payment_id>/allocations", methods=["POST"])
@operation("billing.payment.allocate", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(AllocationsIn)
@blueprint.response(200, PaymentOut)
def allocate(body: dict[str, Any], payment_id: UUID) -> tuple[Payment, int, dict[str, str]]:
    payment = service.allocate(session(), payment_id, _shares(body))
    return payment, 200, etag(payment.version)
