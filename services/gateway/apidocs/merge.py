"""Merge the services' OpenAPI documents into the public one: each operation under every URL its scopes allow."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.gateway.catalogue.operations import METHODS, BadCatalogue

Document = dict[str, Any]

_PARAMETERS = {
    "location": {"name": "in_location", "in": "path", "required": True, "description": "The location it is about"},
    "entity": {"name": "in_entity", "in": "path", "required": True, "description": "The legal entity it is about"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version that is to change, or `*` for whichever stands.",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]+")$'},
}
_ROOTS = {
    "location": "/v1/locations/{in_location}",
    "entity": "/v1/entities/{in_entity}",
    "network": "/v1/network",
}
_REF = re.compile(r"#/components/(schemas|parameters|headers)/")
_PROBLEM = {"$ref": "#/components/responses/Problem"}


def merge(documents: Mapping[str, Document], own: Document) -> Document:
    """The public document of all services. `own`: the door's own, with what is open to all (sign-in)."""
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, dict[str, Any]] = {"schemas": {}, "parameters": {}, "headers": {}}
    for service, document in {**documents, "door": own}.items():
        for kind, named in document.get("components", {}).items():
            if kind in components:
                components[kind].update({f"{service}.{name}": _point(body, service) for name, body in named.items()})
        for path, method, operation in _operations(service, document):
            _add(paths, path, method, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Partywall", "version": "v1", "description": _ABOUT},
        "paths": dict(sorted(paths.items())),
        "components": {**_sorted(components), "responses": {"Problem": _problem()}, "securitySchemes": _SECURITY},
    }


def _operations(service: str, document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in sorted(METHODS & item.keys()):
            body = _point(item[method], service)
            body["parameters"] = [*_point(shared, service), *body.get("parameters", [])]
            body["responses"] = _responses(body.get("responses", {}))
            scopes = item[method]["x-partywall"]["scopes"]
            for kind in _kinds(scopes):
                yield _ROOTS[kind] + f"/{service}{path}", method, _at(kind, service, method, body)
            if not scopes and not body["x-partywall"]["operation"].startswith("shared."):
                yield path, method, {**body, "tags": ["open"], "security": body.get("security", [])}


def _kinds(scopes: list[str]) -> list[str]:
    found = {"network" if scope == "organization" else scope for scope in scopes}
    return [kind for kind in _ROOTS if kind in found]


def _at(kind: str, service: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
    added = [{**_PARAMETERS[kind], "schema": {"type": "string", "format": "uuid"}}] if kind in _PARAMETERS else []
    facts = body["x-partywall"]
    if method != "get" and facts["writes"] and facts["idempotency"] != "ignored":
        added.append(_idempotency_key(facts["idempotency"] == "required"))
    if facts.get("versioned"):
        added.append(_IF_MATCH)
    tags = [" ".join((service, *body.get("tags", [])))]
    return {
        **body,
        "operationId": f"{facts['operation']}.{kind}",
        "tags": tags,
        "parameters": [*added, *body["parameters"]],
        "security": [{"token": []}],
    }


def _idempotency_key(required: bool) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": required,
        "description": "The same key with the same body gets the first answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    }


def _responses(responses: dict[str, Any]) -> dict[str, Any]:
    """Every failure is a problem document, whatever the service's own generator supposed."""
    good = {status: body for status, body in responses.items() if status.startswith(("2", "3"))}
    return {**good, "default": _PROBLEM}


def _point(node: Any, service: str) -> Any:
    """A copy of `node` whose references lead to the components under the service's name."""
    if isinstance(node, dict):
        return {
            key: _REF.sub(lambda found: f"#/components/{found[1]}/{service}.", value)
            if key == "$ref"
            else _point(value, service)
            for key, value in node.items()
        }
    return [_point(value, service) for value in node] if isinstance(node, list) else node


def _add(paths: dict[str, dict[str, Any]], path: str, method: str, operation: dict[str, Any]) -> None:
    item = paths.setdefault(path, {})
    names = [parameter.get("name") for parameter in operation["parameters"] if parameter.get("in") == "path"]
    if method in item or len(set(names)) != len(names):
        raise BadCatalogue(f"{method.upper()} {path} cannot be described: it or a parameter of it stands there twice")
    item[method] = operation


def _sorted(components: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {kind: dict(sorted(named.items())) for kind, named in components.items() if named}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    schema = {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {**text, "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "request_id": text,
            "errors": {
                "type": "array",
                "items": {"type": "object", "properties": {"pointer": text, "detail": text}},
            },
            "policy": {**text, "description": "The policy that refused"},
            "why": text,
            "source": {"description": "The rule behind the refusal: its id, title and citations"},
            "who_can": {**text, "description": "Who could do this instead"},
        },
    }
    wait = {"description": "Seconds to wait, with 429 and 503", "schema": {"type": "integer", "minimum": 1}}
    content = {"application/problem+json": {"schema": schema}}
    return {"description": "A problem (RFC 9457)", "headers": {"Retry-After": wait}, "content": content}


_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "The access token of a session (POST /v1/sessions) or the key of a machine client.",
    }
}
_ABOUT = (
    "Every request says in its URL where it acts: one location, one legal entity, or the network of everything the "
    "caller may see. Each operation names its plane, its scopes and, where it is one, the reserved decision it takes."
)
