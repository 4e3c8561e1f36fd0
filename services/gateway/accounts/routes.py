"""Passwords over HTTP."""

from typing import Any
from uuid import UUID

from flask import current_app, g

from services.gateway.accounts import service
from services.gateway.accounts.schemas import IdentityIn, OneTimePasswordIn, PasswordChangeIn
from services.gateway.users.models import User
from services.gateway.users.schemas import UserOut
from shared.db import lock
from shared.outbox import Origin
from shared.web.operations import Blueprint, context, etag, operation, public, require_match, session

blueprint = Blueprint("accounts", __name__, url_prefix="/users", description="Passwords that others set")
own = Blueprint("passwords", __name__, url_prefix="/v1/password", description="One's own password")


@blueprint.route("/<uuid:user_id>/one-time-password", methods=["PUT"])
@operation("gateway.account.reset", plane="any", scopes=("organization", "entity"))
@blueprint.arguments(OneTimePasswordIn)
@blueprint.response(204)
def give_one_time_password(body: dict[str, Any], user_id: UUID) -> None:
    """Set a password that its owner must change first. Clinical people get it from the owner of their entity."""
    service.give_one_time_password(session(), context(), user_id, body["one_time_password"])


@blueprint.route("/<uuid:user_id>/identity", methods=["PUT"])
@operation("gateway.account.identify", plane="any", scopes=("organization", "entity"), versioned=True)
@blueprint.arguments(IdentityIn)
@blueprint.response(200, UserOut)
def identify(body: dict[str, Any], user_id: UUID) -> Any:
    """Set the e-mail address and external subject by which somebody signs in; for clinical people their owner does."""
    user = lock(session(), User, user_id)
    require_match(user.version)
    changed = service.identify(session(), context(), user, body)
    return changed, 200, etag(changed.version)


@own.route("", methods=["PUT"])
@public("gateway.session.change_password")
@own.arguments(PasswordChangeIn)
@own.response(204)
def change_password(body: dict[str, Any]) -> None:
    """Change your password; every session of yours is over."""
    origin = Origin(service="gateway", request_id=g.request_id, operation="gateway.session.change_password")
    database = current_app.extensions["partywall"].database
    service.change_password(database, origin, body["email"], body["password"], body["new_password"])
