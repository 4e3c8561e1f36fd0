"""The formulary over HTTP."""

from typing import Any
from uuid import UUID

from services.procurement.formulary import schemas, service
from services.procurement.formulary.models import FormularyEntry
from shared.db import get
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint(
    "formulary", __name__, url_prefix="/formulary", description="Which clinical items an entity has approved"
)


@blueprint.route("", methods=["POST"])
@operation("procurement.formulary_entry.propose", plane="any", scopes=("location", "entity"))
@blueprint.arguments(schemas.ProposalIn)
@blueprint.response(201, schemas.EntryOut)
def propose(body: dict[str, Any]) -> Any:
    """Propose an item for the clinical entity's formulary."""
    entry = service.propose(session(), context(), **body)
    return entry, 201, {"Location": f"/formulary/{entry.id}", **etag(entry.version)}


@blueprint.route("", methods=["GET"])
@operation("procurement.formulary_entry.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.EntryQuery, location="query")
@blueprint.response(200, page_of(schemas.EntryOut))
def listing(query: dict[str, Any]) -> Any:
    """The formulary and its proposals, newest first."""
    return service.entries(session(), **query)


@blueprint.route("/<uuid:entry_id>", methods=["GET"])
@operation("procurement.formulary_entry.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.EntryOut)
def read(entry_id: UUID) -> Any:
    """One entry of the formulary."""
    entry = get(session(), FormularyEntry, entry_id)
    return entry, 200, etag(entry.version)


@blueprint.route("/<uuid:entry_id>/decision", methods=["POST"])
@operation(
    "procurement.formulary_entry.decide",
    plane="clinical",
    scopes=("entity",),
    reserved="procurement.formulary.approve",
)
@blueprint.arguments(schemas.DecisionIn)
@blueprint.response(200, schemas.EntryOut)
def decide(body: dict[str, Any], entry_id: UUID) -> Any:
    """Approve or refuse a proposal as the entity's medical director."""
    return service.decide(session(), context(), entry_id, **body)


@blueprint.route("/<uuid:entry_id>/withdrawal", methods=["POST"])
@operation(
    "procurement.formulary_entry.withdraw",
    plane="clinical",
    scopes=("entity",),
    reserved="procurement.formulary.approve",
)
@blueprint.arguments(schemas.WithdrawalIn)
@blueprint.response(200, schemas.EntryOut)
def withdraw(body: dict[str, Any], entry_id: UUID) -> Any:
    """Take an item off the formulary as the entity's medical director."""
    return service.withdraw(session(), context(), entry_id, **body)
