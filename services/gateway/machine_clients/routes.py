"""Machine clients and API keys over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.machine_clients import service
from services.gateway.machine_clients.models import ApiKey
from services.gateway.machine_clients.schemas import ClientIn, ClientOut, IssuedKeyOut, KeyIn, KeyOut
from shared.pagination import Page
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("machine_clients", __name__, url_prefix="/machine-clients", description="Machine clients")
keys = Blueprint("api_keys", __name__, url_prefix="/api-keys", description="API keys")


@blueprint.route("", methods=["POST"])
@operation("gateway.machine_client.register", plane="business", scopes=("organization",))
@blueprint.arguments(ClientIn)
@blueprint.response(201, ClientOut)
def register(body: dict[str, Any]) -> Any:
    """Register a machine client; grants say what it may do."""
    client = service.register(session(), context(), body["name"])
    return client, 201, {"Location": f"/users/{client.id}"}


@blueprint.route("/<uuid:client_id>/keys", methods=["GET"])
@operation("gateway.api_key.list", plane="any", scopes=("organization", "entity"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(KeyOut))
def list_keys(query: dict[str, Any], client_id: UUID) -> Any:
    """The keys of a machine client, newest first."""
    found: Page[ApiKey] = service.list_keys(session(), client_id, **query)
    used = service.last_used(session(), found.items)
    return {"items": [{**_shown(key), "last_used_at": used.get(key.id)} for key in found.items], "next": found.next}


@blueprint.route("/<uuid:client_id>/keys", methods=["POST"])
@operation("gateway.api_key.issue", plane="any", scopes=("organization", "entity"), idempotency="ignored")
@blueprint.arguments(KeyIn)
@blueprint.response(201, IssuedKeyOut)
def issue(body: dict[str, Any], client_id: UUID) -> Any:
    """Issue a key on your own plane. Its text is shown this once and kept nowhere, so no retry can replay it."""
    issued = service.issue(session(), context(), client_id, body["expires_on"])
    return {**_shown(issued.key), "key": issued.text}, 201, {"Location": f"/machine-clients/{client_id}/keys"}


@keys.route("/<uuid:key_id>/revocation", methods=["POST"])
@operation("gateway.api_key.revoke", plane="any", scopes=("organization", "entity"))
@keys.response(200, KeyOut)
def revoke(key_id: UUID) -> Any:
    """Revoke a key at once."""
    return service.revoke(session(), context(), key_id)


def _shown(key: ApiKey) -> dict[str, Any]:
    names = ("id", "user_id", "plane", "prefix", "issued_by", "issued_at", "expires_on", "revoked_at")
    return {name: getattr(key, name) for name in names}
