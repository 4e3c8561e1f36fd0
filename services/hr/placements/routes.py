"""Placements over HTTP: /employments/{id}/assignments, /assignments/{id}/end."""

from typing import Any
from uuid import UUID

from services.hr.assignments.schemas import AssignmentIn, AssignmentOut, LastDayIn
from services.hr.placements import service
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("placements", __name__, description="Placing employees at sites.")


@blueprint.route("/employments/<uuid:employment_id>/assignments", methods=["POST"])
@operation("hr.assignment.create", plane="any", scopes=("entity",))
@blueprint.arguments(AssignmentIn)
@blueprint.response(201, AssignmentOut)
def place(body: dict[str, Any], employment_id: UUID) -> Any:
    """Let an employee work at one more site."""
    return service.place(session(), context(), employment_id, **body)


@blueprint.route("/assignments/<uuid:assignment_id>/end", methods=["POST"])
@operation("hr.assignment.end", plane="any", scopes=("entity",))
@blueprint.arguments(LastDayIn)
@blueprint.response(200, AssignmentOut)
def displace(body: dict[str, Any], assignment_id: UUID) -> Any:
    """Let an employee work at a site no longer than a day."""
    return service.displace(session(), context(), assignment_id, body["ends_on"])
