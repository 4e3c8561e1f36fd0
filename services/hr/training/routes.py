"""Training over HTTP: /training-requirements, /training, /training-completions."""

from typing import Any
from uuid import UUID

from services.hr.training import schemas, service
from services.hr.training.rules import Work
from shared.clock import today
from shared.web.fields import page_of
from shared.web.operations import Blueprint, ScopeKind, context, operation, session

READ: tuple[ScopeKind, ...] = ("location", "entity", "network")
blueprint = Blueprint("training", __name__, description="Training that the rules ask for, and its proof.")


@blueprint.route("/training-requirements", methods=["GET"])
@operation("hr.training_requirement.list", plane="any", scopes=READ)
@blueprint.arguments(schemas.WorkQuery, location="query")
@blueprint.response(200, schemas.RequirementsOut)
def requirements(query: dict[str, Any]) -> Any:
    """What the rules ask of a position in a state."""
    exposures = frozenset(query["exposures"])
    work = Work(query["position"], exposures, query["state"], query["locality"], today())
    return {"items": service.ask(session(), work)}


@blueprint.route("/training", methods=["GET"])
@operation("hr.training.list", plane="any", scopes=READ)
@blueprint.arguments(schemas.AssignedQuery, location="query")
@blueprint.response(200, page_of(schemas.TrainingOut))
def listing(query: dict[str, Any]) -> Any:
    """What is assigned to people, with the newest proof."""
    return service.find(session(), **query)


@blueprint.route("/training/<uuid:assignment_id>/completions", methods=["POST"])
@operation("hr.training.complete", plane="any", scopes=READ)
@blueprint.arguments(schemas.CompletionIn)
@blueprint.response(201, schemas.CompletionOut)
def complete(body: dict[str, Any], assignment_id: UUID) -> Any:
    """Record that a training was done."""
    return service.complete(session(), context(), assignment_id, body)


@blueprint.route("/training/<uuid:assignment_id>/sign-off", methods=["POST"])
@operation("hr.training.sign_off", plane="clinical", scopes=("entity",), reserved=service.SIGN_OFF)
@blueprint.arguments(schemas.CompletionIn)
@blueprint.response(201, schemas.CompletionOut)
def sign_off(body: dict[str, Any], assignment_id: UUID) -> Any:
    """Sign hands-on training off, as the medical director."""
    return service.sign_off(session(), context(), assignment_id, body)


@blueprint.route("/training-completions", methods=["GET"])
@operation("hr.training_completion.list", plane="any", scopes=READ)
@blueprint.arguments(schemas.TrainingQuery, location="query")
@blueprint.response(200, page_of(schemas.CompletionOut))
def completions(query: dict[str, Any]) -> Any:
    """Every proof, also of trainings that were repeated since."""
    return service.find_completions(session(), **query)
