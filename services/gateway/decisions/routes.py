"""The decision log over HTTP."""

from typing import Any

from services.gateway.decisions.schemas import DecisionPage, DecisionQuery
from services.gateway.decisions.service import Filter, find
from shared.web.operations import Blueprint, operation, session

blueprint = Blueprint("decisions", __name__, description="What the door decided, and by which policy")


@blueprint.route("/decisions", methods=["GET"])
@operation("gateway.decision.list", plane="any", scopes=("entity", "network"))
@blueprint.arguments(DecisionQuery, location="query")
@blueprint.response(200, DecisionPage)
def list_decisions(query: dict[str, Any]) -> Any:
    """Decisions, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return find(session(), Filter(**query), limit=limit, cursor=cursor)
