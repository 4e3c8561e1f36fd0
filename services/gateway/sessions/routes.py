"""Sessions over HTTP: open routes, since whoever signs in has no context token yet."""

from typing import Any

from flask import current_app, g, request
from prometheus_client import Counter

from services.gateway.grants.service import planes_of
from services.gateway.sessions import service, tokens
from services.gateway.sessions.schemas import PlaneIn, RefreshIn, SessionOut, SignInIn, TokensOut
from shared.clock import now
from shared.errors import Problem
from shared.identity import BadToken
from shared.outbox import Origin
from shared.tenancy import Scope
from shared.web.operations import Blueprint, public

blueprint = Blueprint("sessions", __name__, url_prefix="/v1/sessions", description="Signing in and out")
SIGN_INS = Counter("partywall_sign_ins", "Sign-ins by outcome", ["outcome"])


@blueprint.route("", methods=["POST"])
@public("gateway.session.start")
@blueprint.arguments(SignInIn)
@blueprint.response(201, TokensOut)
def sign_in(body: dict[str, Any]) -> Any:
    """Sign in on one plane."""
    try:
        started = service.sign_in(_partywall().database, _origin("start"), **body)
    except Problem as problem:
        SIGN_INS.labels(problem.slug).inc()
        raise
    SIGN_INS.labels("ok").inc()
    return _tokens(started), 201, {"Location": "/v1/sessions/current"}


@blueprint.route("/refresh", methods=["POST"])
@public("gateway.session.refresh")
@blueprint.arguments(RefreshIn)
@blueprint.response(200, TokensOut)
def refresh(body: dict[str, Any]) -> Any:
    """New tokens for a refresh token, which works once."""
    return _tokens(service.refresh(_partywall().database, _origin("refresh"), body["refresh_token"]))


@blueprint.route("/plane", methods=["POST"])
@public("gateway.session.change_plane")
@blueprint.arguments(PlaneIn)
@blueprint.response(201, TokensOut)
def change_plane(body: dict[str, Any]) -> Any:
    """Go over to the other plane: a new session, and the one before is over."""
    origin = _origin("change_plane")
    return _tokens(service.refresh(_partywall().database, origin, body["refresh_token"], body["plane"])), 201


@blueprint.route("/current", methods=["GET"])
@public("gateway.session.read", signed_in=True)
@blueprint.response(200, SessionOut)
def current() -> Any:
    """The session of the access token."""
    claims = _claims()
    with _partywall().database.transaction(Scope.whole(claims.organization_id)) as session:
        signed_in, user = service.current(session, claims)
        planes = sorted(planes_of(session, user.id))
    return {
        "id": signed_in.id,
        "plane": signed_in.plane,
        "user_id": user.id,
        "name": user.name,
        "email": user.email,
        "organization_id": user.organization_id,
        "planes": planes,
        "started_at": signed_in.started_at,
        "expires_at": signed_in.expires_at,
    }


@blueprint.route("/current", methods=["DELETE"])
@public("gateway.session.end", signed_in=True)
@blueprint.response(204)
def sign_out() -> None:
    """Sign out: the session, and any that came from it by changing the plane, is over within two seconds."""
    claims = _claims()
    with _partywall().database.transaction(Scope.whole(claims.organization_id)) as session:
        session.info["origin"] = _origin("end")
        service.sign_out(session, claims)


def _claims() -> tokens.Claims:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise BadToken("Send the access token as Authorization: Bearer.")
    return tokens.read(_partywall().keyring, token)


def _tokens(started: service.Started) -> dict[str, Any]:
    token, seconds = tokens.issue(_partywall().keyring, started.session, started.user.name, now())
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": seconds,
        "refresh_token": started.refresh_token,
        "session_id": started.session.id,
        "plane": started.session.plane,
        "user_id": started.user.id,
        "organization_id": started.user.organization_id,
    }


def _origin(verb: str) -> Origin:
    return Origin(service="gateway", request_id=g.request_id, operation=f"gateway.session.{verb}")


def _partywall() -> Any:
    return current_app.extensions["partywall"]
