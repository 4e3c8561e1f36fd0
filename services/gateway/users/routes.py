"""Users over HTTP."""

from typing import Any
from uuid import UUID

from services.gateway.users import service
from services.gateway.users.models import User, UserStatus
from services.gateway.users.schemas import UserChangeIn, UserIn, UserOut, UserQuery
from shared.db import lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("users", __name__, url_prefix="/users", description="People and machine clients")


@blueprint.route("", methods=["GET"])
@operation("gateway.user.list", plane="any", scopes=("organization", "entity"))
@blueprint.arguments(UserQuery, location="query")
@blueprint.response(200, page_of(UserOut))
def list_users(query: dict[str, Any]) -> Any:
    """Users by name."""
    return service.list_users(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("gateway.user.create", plane="business", scopes=("organization",))
@blueprint.arguments(UserIn)
@blueprint.response(201, UserOut)
def create(body: dict[str, Any]) -> Any:
    """Open an account for a person; it gets in once it has a one-time password or signs in elsewhere."""
    user = service.create(session(), context(), body)
    return user, 201, {"Location": f"/users/{user.id}", **etag(user.version)}


@blueprint.route("/<uuid:user_id>", methods=["GET"])
@operation("gateway.user.read", plane="any", scopes=("organization", "entity"))
@blueprint.response(200, UserOut)
def read(user_id: UUID) -> Any:
    """One user."""
    user = service.read(session(), user_id)
    return user, 200, etag(user.version)


@blueprint.route("/<uuid:user_id>", methods=["PATCH"])
@operation("gateway.user.change", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(UserChangeIn)
@blueprint.response(200, UserOut)
def change(body: dict[str, Any], user_id: UUID) -> Any:
    """Change the name."""
    user = lock(session(), User, user_id)
    require_match(user.version)
    changed = service.change(session(), user, body)
    return changed, 200, etag(changed.version)


@blueprint.route("/<uuid:user_id>/lock", methods=["POST"])
@operation("gateway.user.lock", plane="business", scopes=("organization",))
@blueprint.response(200, UserOut)
def lock_account(user_id: UUID) -> Any:
    """Shut somebody out at once, for the time being."""
    return service.become(session(), context(), user_id, UserStatus.LOCKED)


@blueprint.route("/<uuid:user_id>/lock", methods=["DELETE"])
@operation("gateway.user.unlock", plane="business", scopes=("organization",))
@blueprint.response(200, UserOut)
def unlock_account(user_id: UUID) -> Any:
    """Let somebody in again."""
    return service.become(session(), context(), user_id, UserStatus.ACTIVE)


@blueprint.route("/<uuid:user_id>/closure", methods=["POST"])
@operation("gateway.user.close", plane="business", scopes=("organization",))
@blueprint.response(200, UserOut)
def close(user_id: UUID) -> Any:
    """Close an account for good; the record of what it did stays."""
    return service.become(session(), context(), user_id, UserStatus.CLOSED)
