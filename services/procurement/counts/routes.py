"""Counts over HTTP."""

from typing import Any

from services.procurement.counts import schemas, service
from services.procurement.counts.service import Count
from services.procurement.inventory.schemas import MovesOut
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("counts", __name__, url_prefix="/counts", description="Counting stock")


@blueprint.route("", methods=["POST"])
@operation("procurement.stock.count", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(schemas.CountIn)
@blueprint.response(201, MovesOut)
def count(body: dict[str, Any]) -> Any:
    """Set what is on hand of a lot to what was counted; the answer says what moved."""
    return {"moves": service.count(session(), context(), Count(**body))}
