"""Hand a decided request to the directory's own app, in this process: same token, same checks, no wire."""

from typing import Any, cast

from flask import Flask, Request, Response

from services.gateway.door.proxy import inward

_KEPT = (
    "REQUEST_METHOD",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
)


def dispatch(app: Flask, path: str, prefix: str, request: Request, token: str, request_id: str) -> Response:
    """The directory's answer; `prefix` makes its own paths (Location, Link) public ones."""
    headers = inward(request, token, request_id)
    headers.pop("Content-Type", None)
    environ = _environ(request.environ, path, headers)
    answer = cast(Response, Response.from_app(app, environ))
    for name in ("Location", "Content-Location"):
        if answer.headers.get(name, "").startswith("/"):
            answer.headers[name] = prefix + answer.headers[name]
    return answer


def _environ(outer: dict[str, Any], path: str, headers: dict[str, str]) -> dict[str, Any]:
    """A WSGI environment of its own: only what the list of inward headers lets through."""
    environ = {name: outer[name] for name in _KEPT if name in outer}
    environ |= {name: value for name, value in outer.items() if name.startswith("wsgi.")}
    environ |= {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    return {**environ, "SCRIPT_NAME": "", "PATH_INFO": path, "HTTP_HOST": outer.get("HTTP_HOST", "gateway")}
