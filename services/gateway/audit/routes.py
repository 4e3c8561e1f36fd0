"""The audit trail and the register of reserved decisions over HTTP."""

from datetime import date
from typing import Any

from services.gateway.audit import service
from services.gateway.audit.schemas import DayHeadSchema, RegisteredDecisionPage, RegisterQuery, VerificationSchema
from shared.errors import NotFound
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("audit", __name__, description="The hash-chained trail and the register of reserved decisions")


@blueprint.route("/audit/verification", methods=["GET"])
@operation("gateway.audit.verify", plane="any", scopes=("organization",), writes=False)
@blueprint.response(200, VerificationSchema)
def verify() -> Any:
    """Walk the organization's chain and say whether, and where, it is broken."""
    return service.verify(session(), context().organization_id)


@blueprint.route("/audit/heads/<day>", methods=["GET"])
@operation("gateway.audit.head", plane="any", scopes=("organization",), writes=False)
@blueprint.response(200, DayHeadSchema)
def head(day: str) -> Any:
    """The chain's head at the end of a day (YYYY-MM-DD, UTC), to be kept elsewhere."""
    try:
        return service.day_head(session(), context().organization_id, date.fromisoformat(day))
    except ValueError as error:
        raise NotFound("That is no day.") from error


@blueprint.route("/reserved-decisions", methods=["GET"])
@operation("gateway.reserved_decision.list", plane="any", scopes=("entity", "network"))
@blueprint.arguments(RegisterQuery, location="query")
@blueprint.response(200, RegisteredDecisionPage)
def list_reserved_decisions(query: dict[str, Any]) -> Any:
    """Reserved decisions of all services, newest first."""
    return service.reserved_decisions(session(), **query)
