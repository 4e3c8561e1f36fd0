"""create_app: what every service has in common, so that an app.py only names its blueprints."""

import importlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider
from flask_smorest import Api
from orjson import OPT_NON_STR_KEYS, OPT_UTC_Z
from orjson import dumps as orjson_dumps
from orjson import loads as orjson_loads
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared import db, logging
from shared.db import Database
from shared.errors import Problem, Unavailable
from shared.identity import ContextReader
from shared.ids import new_id
from shared.keys import Keyring
from shared.metrics import observe_request
from shared.revisions import is_behind
from shared.settings import Settings
from shared.web import problems
from shared.web.operations import Operation, public

OPEN_ENDPOINTS = {"static"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = logging.get(__name__)


class UndeclaredRoute(Exception):
    """A route has no operation. The start fails: nothing may be reachable that no policy knows."""


@dataclass(slots=True)
class Partywall:
    """What a request needs of its process (app.extensions["partywall"])."""

    settings: Settings
    database: Database
    keyring: Keyring
    contexts: ContextReader
    api: Api


class _Json(JSONProvider):
    def dumps(self, obj: Any, **_: Any) -> str:
        return self._bytes(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """What `jsonify` answers, without going through text."""
        return Response(self._bytes(self._prepare_response_obj(args, kwargs)), mimetype="application/json")

    def _bytes(self, obj: Any) -> bytes:
        return orjson_dumps(obj, default=str, option=OPT_NON_STR_KEYS | OPT_UTC_Z)

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson_loads(s)


def create_app(
    settings: Settings,
    *,
    title: str,
    blueprints: Sequence[Any],
    audience: str | None = None,
    database: Database | None = None,
) -> Flask:
    """An app with problems, operations, request ids, health and metrics. Raises UndeclaredRoute.

    Give `database` where two apps of one process share their connections.
    """
    importlib.import_module(f"shared.contracts.{settings.service}")
    app = Flask(title, static_folder=None)
    app.json = _Json(app)
    app.config.update(
        API_TITLE=title,
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        PROVIDE_AUTOMATIC_OPTIONS=False,  # it is no operation of anybody's, and its answer names the door's methods
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
    )
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    api = Api(app)
    keyring = Keyring(settings.keys_folder, settings.service)
    app.extensions["partywall"] = Partywall(
        settings,
        database or Database(settings.database_url, service=settings.service),
        keyring,
        ContextReader(keyring, audience or settings.service),
        api,
    )
    problems.install(app)
    _observe(app, settings.service)
    _health(app)
    for blueprint in blueprints:
        # Only what can be described goes into the OpenAPI document.
        (api.register_blueprint if hasattr(blueprint, "_docs") else app.register_blueprint)(blueprint)
    check_declared(app)
    return app


def check_declared(app: Flask) -> None:
    """Raises UndeclaredRoute naming every route without an operation."""
    bare = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in OPEN_ENDPOINTS and operation_of(app, rule.endpoint) is None
    ]
    if bare:
        raise UndeclaredRoute(f"routes without an operation: {', '.join(sorted(bare))}")


def operation_of(app: Flask, endpoint: str) -> Operation | None:
    """The operation that a view declares."""
    return getattr(app.view_functions[endpoint], "__operation__", None)


class MigrationsPending(Unavailable):
    """The database is not at the revision this code needs."""


def at_head(settings: Settings, database: Database) -> None:
    """Raises MigrationsPending unless the database stands at this code's newest revision, or at a newer release's."""
    with database.platform_transaction() as running:
        revision = running.execute(text("select version_num from alembic_version")).scalar()
    if is_behind(settings.service, revision):
        raise MigrationsPending(f"It stands at {revision}; run `make migrate`.")


def _observe(app: Flask, service: str) -> None:
    @app.before_request
    def start() -> None:
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if _REQUEST_ID.fullmatch(sent) else str(new_id())
        g.started = time.perf_counter()
        structlog.contextvars.bind_contextvars(service=service, request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        observe_request(service, request.method, route, response.status_code, seconds)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _health(app: Flask) -> None:
    database = app.extensions["partywall"].database
    checks: list[Any] = [lambda: db.ping(database), lambda: at_head(app.extensions["partywall"].settings, database)]
    app.extensions["partywall_checks"] = checks

    @app.get("/livez")
    @public("shared.health.live")
    def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    @public("shared.health.ready")
    def readyz() -> tuple[dict[str, Any], int]:
        failed = {}
        for check in checks:
            try:
                check()
            except Problem as problem:
                failed[problem.slug] = problem.detail
            except SQLAlchemyError as error:
                failed["database"] = type(error).__qualname__
        return {"status": "not ready" if failed else "ready", "failed": failed}, 503 if failed else 200
