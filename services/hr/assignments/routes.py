"""Site assignments over HTTP: /assignments. They are made where the employer is known (placements)."""

from typing import Any

from services.hr.assignments import service
from services.hr.assignments.schemas import AssignmentOut, AssignmentsQuery
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("assignments", __name__, url_prefix="/assignments", description="Who works at which site.")


@blueprint.route("", methods=["GET"])
@operation("hr.assignment.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(AssignmentsQuery, location="query")
@blueprint.response(200, page_of(AssignmentOut))
def listing(query: dict[str, Any]) -> Any:
    """Who works where, newest first."""
    return service.find(session(), context().scope, **query)
