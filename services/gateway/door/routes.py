"""The door's one route: everything below /v1 that is not open to all."""

from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from services.gateway.door import inside
from services.gateway.door.addresses import parse
from services.gateway.door.gate import Gate, MethodNotAllowed
from services.gateway.door.proxy import Peers
from services.gateway.door.rates import Rates
from services.gateway.door.scoping import Caller
from services.gateway.principals.service import PLANE_HEADER, Directory
from shared.errors import NotFound
from shared.idempotency import BadRequest
from shared.web.operations import public

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# No operation has these; the door takes them to say which methods the address does have.
UNSERVED = ["OPTIONS", "TRACE", "QUERY"]
OWN = "gateway"


class AmbiguousLength(BadRequest):
    """A request says its length in one way only."""


@dataclass(frozen=True, slots=True)
class Door:
    """What one process needs to let requests in."""

    gate: Gate
    directory: Directory
    peers: Peers
    inner: Flask
    rates: Rates

    def enter(self) -> Response:
        """Match, authenticate, count, decide, pass on."""
        if "HTTP_TRANSFER_ENCODING" in request.environ and "CONTENT_LENGTH" in request.environ:
            raise AmbiguousLength("Send Content-Length or Transfer-Encoding, not both.")
        raw, _, query = request.environ.get("RAW_URI", request.path).partition("?")
        target = parse(raw)
        if target is None:
            raise _not_here()
        operation = self.gate.operation(target, request.method)
        proof = {name: request.headers[name] for name in ("Authorization", PLANE_HEADER) if name in request.headers}
        principal = self.directory.authenticate(proof)
        self.rates.count(principal)
        caller = Caller(principal, self.directory.organization(principal.organization_id))
        token = self.gate.admit(operation, target, caller, g.request_id)
        if target.service == OWN:
            answer = inside.dispatch(self.inner, target.path, target.prefix, request, token, g.request_id)
            if operation.writes:
                self.directory.changed()  # whoever gave a grant may use it with their next request
            return answer
        path = f"{target.path}?{query}" if query else target.path
        return self.peers.forward(target.service, path, target.prefix, request, token, g.request_id)


def _not_here() -> NotFound | MethodNotAllowed:
    """No address of the door's: nothing at all, or one of the open routes asked in another way."""
    routes = current_app.url_map.bind("")
    allowed = []
    for method in METHODS:
        with suppress(HTTPException):
            if routes.match(request.path, method)[0] != request.endpoint:
                allowed += [method, "HEAD"] if method == "GET" else [method]
    return MethodNotAllowed("", allowed=sorted(allowed)) if allowed else NotFound()


def blueprint(door: Door) -> Blueprint:
    """The route that leads through `door`."""
    routes = Blueprint("door", __name__)

    @public("gateway.door.enter")
    def enter(rest: str) -> Response:
        return door.enter()

    taken = [*METHODS, *UNSERVED]
    routes.add_url_rule("/v1/<path:rest>", view_func=enter, methods=taken, provide_automatic_options=False)
    return routes
