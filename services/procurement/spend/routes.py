"""Spend over HTTP."""

from typing import Any

from services.procurement.spend import schemas, service
from shared.web.operations import Blueprint, operation, session

blueprint = Blueprint("spend", __name__, url_prefix="/spend", description="What was ordered")


@blueprint.route("", methods=["GET"])
@operation("procurement.spend.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.SpendQuery, location="query")
@blueprint.response(200, schemas.SpendReport)
def by_site_and_month(query: dict[str, Any]) -> Any:
    """Spend by site and month, from the totals of orders that were not cancelled."""
    return {"items": service.by_site_and_month(session(), **query)}
