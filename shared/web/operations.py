"""Operations: each route declares one; its wrapper checks the context token, opens the one transaction of the request,
honours idempotency keys, and makes sure that no change goes unaudited."""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from json import JSONDecodeError
from types import SimpleNamespace
from typing import Any, Literal, TypeVar

from flask import Request, Response, current_app, g, make_response, request
from flask_smorest import Blueprint as _Blueprint
from flask_smorest.utils import resolve_schema_instance
from sqlalchemy.orm import Session
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from shared import decisions, idempotency
from shared.contracts.base import REGISTRY
from shared.db import Busy, StaleWrite
from shared.errors import Invalid, PreconditionMissing, Problem, StaleVersion
from shared.identity import BadToken, Context
from shared.ids import new_id
from shared.metrics import BUSINESS
from shared.outbox import Origin, emit, emitted
from shared.tenancy import Scope
from shared.web import problems

HEADER = "Partywall-Context"
_View = TypeVar("_View", bound=Callable[..., Any])
ScopeKind = Literal["location", "entity", "network", "organization"]
DataClass = Literal["business", "patient_account", "clinical"]
Idempotency = Literal["required", "honoured", "ignored"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the gateway and the tests must know of a route.

    `reserved` names the reserved decision (key of the rules dataset) this operation takes. `idempotency`: `required`
    where money or stock moves, `ignored` where the answer holds a secret that may not be kept, else `honoured`.
    `versioned`: the caller says in If-Match which version they change. `scopes` empty: public, no context needed
    (sign-in, health).
    """

    operation: str
    plane: Literal["business", "clinical", "any"]
    scopes: tuple[ScopeKind, ...]
    writes: bool
    reserved: str | None = None
    data_class: DataClass = "business"
    idempotency: Idempotency = "honoured"
    versioned: Literal[True] | None = None

    @property
    def recorded_first(self) -> bool:
        """The gateway records its decision before the call, and the token is for that decision alone."""
        return self.reserved is not None or self.data_class != "business"


class UnreadableJson(idempotency.BadRequest):
    """This JSON cannot be read."""


class _Parser(FlaskParser):
    # An unknown query parameter is a mistake the caller should hear of, not a filter silently dropped.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": "raise"}

    def load_json(self, req: Request, schema: Any) -> Any:
        if req.content_length and not req.is_json:
            raise UnsupportedMediaType("Send application/json.")
        return super().load_json(req, schema)

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except (JSONDecodeError, UnicodeDecodeError):
            raise
        except (RecursionError, ValueError):
            # Nested thousands deep, or a number of thousands of digits: no fault of ours either.
            raise UnreadableJson("It is nested too deeply, or holds a number too long.") from None


class Blueprint(_Blueprint):  # type: ignore[misc]
    """A flask-smorest blueprint that refuses unknown query parameters, with typed decorators."""

    ARGUMENTS_PARSER = _Parser()

    def route(self, rule: str, **options: Any) -> Callable[[_View], _View]:
        """Register a view under the blueprint's prefix."""
        decorator: Callable[[_View], _View] = super().route(rule, **options)
        return decorator

    def arguments(self, schema: Any, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Load and validate the body, or the query with `location="query"`; the view gets it first."""
        # Made once: of a class the parser would make an instance, with a copy of each field, for every request.
        made = resolve_schema_instance(schema)
        if "location" not in options:  # a body that is left out is as good as one without any field
            options.setdefault("required", any(field.required for field in made.fields.values()))
        decorator: Callable[[Callable[..., Any]], Callable[..., Any]] = super().arguments(made, **options)
        return decorator

    def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[_View], _View]:
        """Dump what the view returns; describe it in the API document."""
        decorator: Callable[[_View], _View] = super().response(status, schema, **options)
        return decorator

    def otherwise(self, status: int, schema: Any) -> Callable[[_View], _View]:
        """Describe another answer that went well: the same thing, with another status."""
        decorator: Callable[[_View], _View] = super().alt_response(status, schema=schema)
        return decorator


class WrongOperation(BadToken):
    """The token was issued for another operation or scope."""


class BadIdempotencyKey(Invalid):
    """An idempotency key has 1 to 200 visible characters."""


def operation(
    operation_id: str,
    *,
    plane: Literal["business", "clinical", "any"],
    scopes: tuple[ScopeKind, ...],
    writes: bool | None = None,
    reserved: str | None = None,
    data_class: DataClass = "business",
    idempotency: Idempotency = "honoured",
    versioned: Literal[True] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the operation of a route. Stands right under @blueprint.route(...) and above arguments and response.

    `writes` defaults to: not a `.list`, `.read` or `.download` verb. Inside the view `session()` and `context()` work.
    """
    verb = operation_id.rsplit(".", 1)[1]
    declared = Operation(
        operation_id,
        plane,
        scopes,
        writes if writes is not None else verb not in ("list", "read", "download"),
        reserved,
        data_class,
        idempotency,
        versioned,
    )

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def run(*args: Any, **kwargs: Any) -> Response:
            g.context = _authorised(declared)
            return _transact(declared, g.context, lambda: make_response(view(*args, **kwargs)))

        return _describe(run, declared)

    return decorate


def public(operation_id: str, *, signed_in: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a route that needs no context token (sign-in, published keys). It opens its own transactions.

    `signed_in`: it reads the caller's own access token, and the API document says so.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def run(*args: Any, **kwargs: Any) -> Response:
            return make_response(view(*args, **kwargs))

        described = _describe(run, Operation(operation_id, "any", (), False))
        return _Blueprint.doc(security=[{"token": []}])(described) if signed_in else described

    return decorate


def _describe(run: Callable[..., Any], declared: Operation) -> Callable[..., Any]:
    run.__operation__ = declared  # type: ignore[attr-defined]
    facts = {name: value for name, value in asdict(declared).items() if value is not None}
    described: Callable[..., Any] = _Blueprint.doc(operationId=declared.operation, **{"x-partywall": facts})(run)
    return described


def context() -> Context:
    """The decided request of the running view."""
    decided: Context = g.context
    return decided


def session() -> Session:
    """The session of the running view; its transaction ends when the view returns."""
    running: Session = g.session
    return running


def require_match(version: int) -> None:
    """Compare If-Match with the row's version. Raises PreconditionMissing (428) or StaleVersion (412)."""
    sent = request.headers.get("If-Match")
    if sent is None:
        raise PreconditionMissing("Send If-Match with the ETag you read.")
    if sent.strip() not in (f'"{version}"', "*"):
        raise StaleVersion("Read it again, then repeat your change.")


def etag(version: int) -> dict[str, str]:
    """The ETag header of a row at `version`."""
    return {"ETag": f'"{version}"'}


def _authorised(declared: Operation) -> Context:
    token = request.headers.get(HEADER)
    if not token:
        raise BadToken("This service answers only to the gateway.")
    decided: Context = current_app.extensions["partywall"].contexts.read(token)
    if decided.operation != declared.operation or decided.scope.kind not in declared.scopes:
        raise WrongOperation(f"It is not for {declared.operation} in this scope.")
    # The gateway's policies say so too; a mistake there must not carry one side's session into the other's decisions.
    if declared.plane not in ("any", decided.plane):
        if declared.reserved:
            why = "Only its decider, on the clinical side of that entity, takes it."
            raise decisions.NotTheDecider(why, policy="service.reserved-decision", source=declared.reserved, why=why)
        raise WrongOperation(f"It is not for {declared.operation} on this plane.")
    if declared.recorded_first:
        decisions.on_record(decided)
    return decided


def _transact(declared: Operation, decided: Context, view: Callable[[], Response]) -> Response:
    call = _call(declared, decided)
    try:
        with current_app.extensions["partywall"].database.transaction(decided.scope, by_key=declared.writes) as running:
            g.session = running
            running.info["origin"] = _origin(decided)
            running.info["notify"] = current_app.extensions["partywall"].settings.outbox_notify
            known = idempotency.begin(running, call) if call else None
            if known is not None:
                return Response(known.body, known.status, {**known.headers, "Idempotent-Replayed": "true"})
            if declared.reserved:
                decisions.require_unspent(running, decided)
            response = view()
            if declared.writes:
                _audit(declared, decided, running)
            if call:
                idempotency.finish(running, call, _answer(response))
            told = [fact.type for fact, _ in emitted(running)]
    except Problem as problem:
        return _refused(declared, decided, call, problem)
    for kind in told:
        BUSINESS.labels(current_app.extensions["partywall"].settings.service, kind).inc()
    return response


def _call(declared: Operation, decided: Context) -> idempotency.Call | None:
    key = request.headers.get("Idempotency-Key")
    if not declared.writes or request.method in ("GET", "HEAD") or declared.idempotency == "ignored":
        return None
    if key is None:
        if declared.idempotency == "required":
            raise idempotency.IdempotencyKeyMissing("A UUID made by you will do; send the same one when you retry.")
        return None
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise BadIdempotencyKey("")
    place = f"{request.method} {request.full_path} {_address(decided.scope)}"
    return idempotency.Call(
        decided.organization_id, decided.principal_id, declared.operation, key, place, request.get_data(cache=True)
    )


def _address(scope: Scope) -> str:
    """Where the caller knocked; what lies within a network may grow between a request and its retry."""
    about = {"location": scope.locations, "entity": scope.entities}.get(scope.kind)
    return f"{scope.kind} {about[0] if about else ''}"


def _answer(response: Response) -> idempotency.Answer:
    kept = {name: value for name, value in response.headers.items() if name in ("Content-Type", "Location", "ETag")}
    return idempotency.Answer(response.status_code, kept, response.get_data())


def _refused(declared: Operation, decided: Context, call: idempotency.Call | None, problem: Problem) -> Response:
    """A rule said no. The same answer belongs to the key from now on, unless waiting could change it."""
    response = problems.render(problem)
    lasting = problem.status in (400, 403, 404, 409, 422) and not isinstance(problem, idempotency.IdempotencyKeyReused)
    if call and lasting and not isinstance(problem, Busy | StaleWrite):
        with current_app.extensions["partywall"].database.transaction(decided.scope) as running:
            known = idempotency.begin(running, call)
            if known is not None:
                return Response(known.body, known.status, {**known.headers, "Idempotent-Replayed": "true"})
            idempotency.finish(running, call, _answer(response))
    return response


def _origin(decided: Context) -> Origin:
    return Origin(
        service=current_app.extensions["partywall"].settings.service,
        request_id=g.request_id,
        actor_id=decided.principal_id,
        actor_kind=decided.principal_kind,
        operation=decided.operation,
        decision_id=decided.decision_id,
        traceparent=request.headers.get("traceparent"),
    )


def _audit(declared: Operation, decided: Context, running: Session) -> None:
    """A change that told nothing is told as an audit record, so that none goes unrecorded."""
    if emitted(running):
        return
    service = current_app.extensions["partywall"].settings.service
    scope = decided.scope
    about = SimpleNamespace(
        id=new_id(),
        organization_id=decided.organization_id,
        location_id=scope.location_id if scope.kind == "location" else None,
        legal_entity_id=scope.entities[0] if scope.entities and len(scope.entities) == 1 else None,
    )
    subject = "/".join(str(value) for value in (request.view_args or {}).values())
    recorded = REGISTRY[f"{service}.audit.recorded"]
    emit(running, recorded(action=declared.operation, subject_type="operation", subject_id=subject), about)
