"""Everything that goes wrong becomes RFC 9457 problem+json: routing, validation, rules, the database, ourselves."""

from http import HTTPStatus
from typing import Any

import orjson
import psycopg.errors
from flask import Flask, Response, g
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from shared import logging
from shared.db import Busy, StaleWrite
from shared.errors import Conflict, Invalid, Problem, Unavailable

TYPE_PREFIX = "/docs/problems#"
log = logging.get(__name__)


class AlreadyExists(Conflict):
    """Something with these values exists already."""


class ValueOutOfRange(Invalid):
    """A value cannot be stored."""


def document(status: int, slug: str, title: str, detail: str = "", **members: Any) -> Response:
    """A problem+json response."""
    body = {"type": TYPE_PREFIX + slug, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body |= {name: value for name, value in members.items() if value not in (None, [], {})}
    body["request_id"] = getattr(g, "request_id", None)
    response = Response(orjson.dumps(body, default=str), status, mimetype="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.METHOD_NOT_ALLOWED and "allowed" in members:
        response.headers["Allow"] = ", ".join(members["allowed"])
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = str(members.get("retry_after", 1))
    return response


def render(problem: Problem) -> Response:
    """The response of a domain error."""
    return document(problem.status, problem.slug, problem.title, problem.detail, errors=problem.errors, **problem.extra)


def from_database(error: Exception) -> Problem | None:
    """The problem that a database error means to the caller; None where it is a fault of ours."""
    if isinstance(error, StaleDataError):
        return StaleWrite("Read it again and repeat your change.")
    if isinstance(error, PoolTimeout):
        return Unavailable("Too much is going on; try again.")
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    if isinstance(cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return Busy("Try again.")
    if isinstance(error, IntegrityError) and isinstance(cause, psycopg.errors.UniqueViolation):
        return AlreadyExists("")
    if isinstance(cause, psycopg.errors.DataError):
        return ValueOutOfRange("")
    if error.connection_invalidated or isinstance(cause, psycopg.OperationalError):
        return Unavailable("The database does not answer; nothing was changed unless a retry says so.")
    return None


def install(app: Flask) -> None:
    """Register the handlers on `app`."""
    app.register_error_handler(Problem, lambda problem: render(problem))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response
    status = error.code or 500
    phrase = HTTPStatus(status).phrase
    messages = getattr(error, "data", {}).get("messages", {})
    response = document(
        status, phrase.lower().replace(" ", "-"), phrase, _detail(error, messages), errors=pointers(messages)
    )
    if status == HTTPStatus.METHOD_NOT_ALLOWED and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _detail(error: HTTPException, messages: Any) -> str:
    if messages:
        return "See errors."
    # Werkzeug's descriptions of a 404 speak of typing an address, which helps no API caller.
    return "" if error.code in (404, 500) else (error.description or "")


def pointers(messages: Any) -> list[dict[str, str]]:
    """Marshmallow's nested messages as [{pointer: "/lines/0/quantity", detail}]; the location stands first."""
    found: list[dict[str, str]] = []
    _walk(messages.get("json", messages) if isinstance(messages, dict) else messages, "", found)
    return found


def _walk(node: Any, pointer: str, found: list[dict[str, str]]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _walk(value, pointer if key == "_schema" else f"{pointer}/{key}", found)
    elif isinstance(node, list):
        for value in node:
            _walk(value, pointer, found)
    elif node:
        found.append({"pointer": pointer, "detail": str(node)})


def _unexpected(error: Exception) -> Response:
    problem = from_database(error)
    if problem is not None:
        log.warning("database", error_class=type(getattr(error, "orig", error)).__qualname__, status=problem.status)
        return render(problem)
    log.error("unexpected", exc_info=error)
    return document(500, "internal-server-error", "Internal Server Error")
