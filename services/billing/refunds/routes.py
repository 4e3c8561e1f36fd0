"""HTTP of refunds."""

from typing import Any
from uuid import UUID

from services.billing.refunds import service
from services.billing.refunds.models import Refund
from services.billing.refunds.schemas import RefundDecisionIn, RefundIn, RefundOut, RefundQuery
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("refunds", __name__, description="Refunds")


@blueprint.route("/refunds", methods=["GET"])
@operation("billing.refund.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(RefundQuery, location="query")
@blueprint.response(200, page_of(RefundOut))
def list_refunds(query: dict[str, Any]) -> Page[Refund]:
    return service.listing(session(), **query)


@blueprint.route("/refunds/<uuid:refund_id>", methods=["GET"])
@operation("billing.refund.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, RefundOut)
def read(refund_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    refund = get(session(), Refund, refund_id)
    return refund, 200, etag(refund.version)


@blueprint.route("/payments/<uuid:payment_id>/refunds", methods=["POST"])
@operation("billing.refund.request", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(RefundIn)
@blueprint.response(201, RefundOut)
def request_refund(body: dict[str, Any], payment_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    refund = service.request(session(), context(), payment_id, **body)
    return refund, 201, {"Location": f"refunds/{refund.id}", **etag(refund.version)}


@blueprint.route("/refunds/<uuid:refund_id>/approval", methods=["POST"])
@operation("billing.refund.decide", plane="clinical", scopes=("location",), reserved="billing.refund.clinical.approve")
@blueprint.arguments(RefundDecisionIn)
@blueprint.response(200, RefundOut)
def decide(body: dict[str, Any], refund_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    refund = service.decide(session(), context(), refund_id, approved=body["approved"])
    return refund, 200, etag(refund.version)


@blueprint.route("/refunds/<uuid:refund_id>/payout", methods=["POST"])
@operation("billing.refund.pay", plane="any", scopes=("location",), idempotency="required")
@blueprint.response(200, RefundOut)
def pay(refund_id: UUID) -> tuple[Refund, int, dict[str, str]]:
    refund = service.pay(session(), context(), refund_id)
    return refund, 200, etag(refund.version)
