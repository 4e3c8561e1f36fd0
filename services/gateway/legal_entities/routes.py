"""Legal entities over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.legal_entities import service
from services.gateway.legal_entities.models import LegalEntity
from services.gateway.legal_entities.schemas import EntityChangeIn, EntityIn, EntityOut, EntityQuery
from shared.db import lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("legal_entities", __name__, url_prefix="/legal-entities", description="Companies")


@blueprint.route("", methods=["GET"])
@operation("gateway.legal_entity.list", plane="any", scopes=("network",))
@blueprint.arguments(EntityQuery, location="query")
@blueprint.response(200, page_of(EntityOut))
def list_entities(query: dict[str, Any]) -> Any:
    """Legal entities that the caller has to do with, by name."""
    return service.list_entities(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.legal_entity.register", plane="business", scopes=("organization",))
@blueprint.arguments(EntityIn)
@blueprint.response(201, EntityOut)
def register(body: dict[str, Any]) -> Any:
    """Register a legal entity."""
    entity = service.register(session(), context(), body)
    return entity, 201, {"Location": f"/legal-entities/{entity.id}", **etag(entity.version)}


@blueprint.route("/<uuid:legal_entity_id>", methods=["GET"])
@operation("gateway.legal_entity.read", plane="any", scopes=("network", "entity", "location"))
@blueprint.response(200, EntityOut)
def read(legal_entity_id: UUID) -> Any:
    """One legal entity."""
    entity = service.read(session(), legal_entity_id)
    return entity, 200, etag(entity.version)


@blueprint.route("/<uuid:legal_entity_id>", methods=["PATCH"])
@operation("gateway.legal_entity.change", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(EntityChangeIn)
@blueprint.response(200, EntityOut)
def change(body: dict[str, Any], legal_entity_id: UUID) -> Any:
    """Change a legal entity."""
    entity = lock(session(), LegalEntity, legal_entity_id)
    require_match(entity.version)
    changed = service.change(session(), entity, body)
    return changed, 200, etag(changed.version)
