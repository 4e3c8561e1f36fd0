"""Grants over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.grants import service
from services.gateway.grants.schemas import AppointmentIn, ClinicalGrantIn, GrantIn, GrantOut, GrantQuery
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("grants", __name__, url_prefix="/grants", description="Who holds which role where")
clinical = Blueprint("clinical_grants", __name__, url_prefix="/clinical-grants", description="Clinical roles")
officers = Blueprint("officers", __name__, url_prefix="/officers", description="Officers of a clinical entity")


@blueprint.route("", methods=["GET"])
@operation("gateway.grant.list", plane="any", scopes=("organization", "entity"))
@blueprint.arguments(GrantQuery, location="query")
@blueprint.response(200, page_of(GrantOut))
def list_grants(query: dict[str, Any]) -> Any:
    """Grants, newest first; within an entity those that reach it."""
    return service.list_grants(session(), context(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.grant.give", plane="business", scopes=("organization",))
@blueprint.arguments(GrantIn)
@blueprint.response(201, GrantOut)
def give(body: dict[str, Any]) -> Any:
    """Give a business role, or name the first owner of a clinical entity."""
    grant = service.give(session(), context(), body)
    return grant, 201, {"Location": f"/grants/{grant.id}"}


@blueprint.route("/<uuid:grant_id>/revocation", methods=["POST"])
@operation("gateway.grant.revoke", plane="business", scopes=("organization",))
@blueprint.response(200, GrantOut)
def revoke(grant_id: UUID) -> Any:
    """End a business role at once."""
    return service.revoke(session(), context(), grant_id)


@clinical.route("", methods=["POST"])
@operation("gateway.clinical_grant.give", plane="clinical", scopes=("entity",))
@clinical.arguments(ClinicalGrantIn)
@clinical.response(201, GrantOut)
def give_clinical(body: dict[str, Any]) -> Any:
    """Give a clinical role over the entity or one of its locations."""
    grant = service.give_clinical(session(), context(), body)
    return grant, 201, {"Location": f"/grants/{grant.id}"}


@clinical.route("/<uuid:grant_id>/revocation", methods=["POST"])
@operation("gateway.clinical_grant.revoke", plane="clinical", scopes=("entity",))
@clinical.response(200, GrantOut)
def revoke_clinical(grant_id: UUID) -> Any:
    """End a clinical role at once."""
    return service.revoke_clinical(session(), context(), grant_id)


@officers.route("", methods=["POST"])
@operation("gateway.officer.appoint", plane="clinical", scopes=("entity",), reserved=service.APPOINT)
@officers.arguments(AppointmentIn)
@officers.response(201, GrantOut)
def appoint(body: dict[str, Any]) -> Any:
    """Appoint a medical director or a further owner (reserved)."""
    grant = service.appoint(session(), context(), body)
    return grant, 201, {"Location": f"/grants/{grant.id}"}


@officers.route("/<uuid:grant_id>/removal", methods=["POST"])
@operation("gateway.officer.remove", plane="clinical", scopes=("entity",), reserved=service.APPOINT)
@officers.response(200, GrantOut)
def remove_officer(grant_id: UUID) -> Any:
    """Remove an officer (reserved)."""
    return service.remove_officer(session(), context(), grant_id)
