"""Employments over HTTP: /employments, and the training that follows from them."""

from typing import Any
from uuid import UUID

from services.hr.employments import schemas, service
from services.hr.employments.models import Employment
from shared.db import lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("employments", __name__, description="Who employs whom, and who may.")


@blueprint.route("/employments", methods=["POST"])
@operation("hr.employment.propose", plane="any", scopes=("entity",))
@blueprint.arguments(schemas.EmploymentIn)
@blueprint.response(201, schemas.EmploymentOut)
def propose(body: dict[str, Any]) -> Any:
    """Employ somebody at this entity; a clinician is proposed to the clinical entity's owner."""
    row = service.propose(session(), context(), body)
    return row, 201, {"Location": f"/employments/{row.id}", **etag(row.version)}


@blueprint.route("/employments", methods=["GET"])
@operation("hr.employment.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.EmploymentsQuery, location="query")
@blueprint.response(200, page_of(schemas.EmploymentOut))
def listing(query: dict[str, Any]) -> Any:
    """Employments, newest first."""
    return service.find(session(), **query)


@blueprint.route("/employments/<uuid:employment_id>", methods=["GET"])
@operation("hr.employment.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.EmploymentOut)
def read(employment_id: UUID) -> Any:
    """One employment."""
    row = service.read(session(), employment_id)
    return row, 200, etag(row.version)


@blueprint.route("/employments/<uuid:employment_id>/exposures", methods=["PUT"])
@operation("hr.employment.change", plane="any", scopes=("entity",), versioned=True)
@blueprint.arguments(schemas.ExposuresIn)
@blueprint.response(200, schemas.EmploymentOut)
def change_exposures(body: dict[str, Any], employment_id: UUID) -> Any:
    """Say what the employee meets at work (If-Match)."""
    row = lock(session(), Employment, employment_id)
    row.must_be_of(context().scope.legal_entity_id)
    require_match(row.version)
    service.change_exposures(session(), row, body["exposures"])
    return row, 200, etag(row.version)


@blueprint.route("/employments/<uuid:employment_id>/selection", methods=["POST"])
@operation("hr.employment.select", plane="clinical", scopes=("entity",), reserved=service.SELECT)
@blueprint.arguments(schemas.SelectionIn)
@blueprint.response(200, schemas.EmploymentOut)
def decide(body: dict[str, Any], employment_id: UUID) -> Any:
    """Select or refuse a proposed clinician, as the owner of the clinical entity."""
    approved = body["outcome"] == "approved"
    return service.decide(session(), context(), employment_id, approved=approved, why=body["reason"])


@blueprint.route("/employments/<uuid:employment_id>/recheck", methods=["POST"])
@operation("hr.employment.recheck", plane="any", scopes=("entity",))
@blueprint.response(200, schemas.EmploymentOut)
def recheck(employment_id: UUID) -> Any:
    """Judge a held employment by the rules now in force."""
    return service.recheck(session(), context(), employment_id)


@blueprint.route("/employments/<uuid:employment_id>/end", methods=["POST"])
@operation("hr.employment.end", plane="any", scopes=("entity",))
@blueprint.arguments(schemas.EndIn)
@blueprint.response(200, schemas.EmploymentOut)
def end(body: dict[str, Any], employment_id: UUID) -> Any:
    """End the employment of somebody who is not a clinician."""
    return service.end(session(), context(), employment_id, **body)


@blueprint.route("/employments/<uuid:employment_id>/termination", methods=["POST"])
@operation("hr.employment.terminate", plane="clinical", scopes=("entity",), reserved=service.TERMINATE)
@blueprint.arguments(schemas.EndIn)
@blueprint.response(200, schemas.EmploymentOut)
def terminate(body: dict[str, Any], employment_id: UUID) -> Any:
    """End a clinician's employment, as the owner of the clinical entity."""
    return service.terminate(session(), context(), employment_id, **body)


@blueprint.route("/people/<uuid:person_id>/training", methods=["POST"])
@operation("hr.training.assign", plane="any", scopes=("entity", "network"))
@blueprint.response(200, schemas.AssignedOut)
def assign_training(person_id: UUID) -> Any:
    """Assign what the rules now in force ask of this person."""
    return {"items": service.assign_training(session(), person_id)}
