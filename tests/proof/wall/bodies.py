"""A body, or a query value, that fits its JSON schema. Ids are asked for by name, so that real ones can be sent."""

import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Ids = Callable[[str], str]
# One of these fits each pattern of the catalogue; a pattern that none fits is an error, not a weaker attack.
_SAMPLES = ("12.00", "2100", "fee.flat", "CA", "06", "A100", "1", "a1", "A12.3", "J0585", "09:30", "123456789", "AB-12")
_MOMENTS = ("%Y-%m", "%Y-%m-%dT%H:%M")


class NoSample(Exception):
    """The generator has no value for a schema; add one to `_SAMPLES`."""


def value(schema: Mapping[str, Any], document: Mapping[str, Any], ids: Ids, name: str, dice: random.Random) -> Any:
    """A value for `schema`. Required fields are always there, optional ones when they are ids or the dice say so."""
    schema = resolved(schema, document)
    if "enum" in schema:
        return dice.choice([one for one in schema["enum"] if one is not None])
    if "anyOf" in schema or "oneOf" in schema:
        return value((schema.get("anyOf") or schema["oneOf"])[0], document, ids, name, dice)
    kind = schema.get("type", "object")
    kind = next(one for one in kind if one != "null") if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, document, ids, dice)
    if kind == "array":
        return [
            value(schema.get("items", {}), document, ids, name, dice) for _ in range(max(1, schema.get("minItems", 1)))
        ]
    if kind in ("integer", "number"):
        return max(1, int(schema.get("minimum", 1)))
    return True if kind == "boolean" else _text(schema, ids, name, dice)


def resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema a reference points to."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _object(schema: Mapping[str, Any], document: Mapping[str, Any], ids: Ids, dice: random.Random) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    return {
        name: value(inner, document, ids, name, dice)
        for name, inner in schema.get("properties", {}).items()
        if name in required or _holds_ids(inner, document)
    }


def _holds_ids(schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    schema = resolved(schema, document)
    return schema.get("format") == "uuid" or resolved(schema.get("items", {}), document).get("format") == "uuid"


def _text(schema: Mapping[str, Any], ids: Ids, name: str, dice: random.Random) -> str:
    now = datetime.now(UTC)
    match schema.get("format"):
        case "uuid":
            return ids(name)
        case "date":
            return (now - timedelta(days=dice.randint(1, 20))).date().isoformat()
        case "date-time":
            return now.isoformat().replace("+00:00", "Z")
        case "email":
            return f"somebody{dice.randint(1, 10**6)}@elsewhere.example"
    if pattern := schema.get("pattern"):
        samples = [*_SAMPLES, *(now.strftime(moment) for moment in _MOMENTS)]
        fitting = [sample for sample in samples if re.search(pattern.replace(r"\Z", "$"), sample)]
        if not fitting:
            raise NoSample(f"{name}: {pattern}")
        return fitting[0]
    if name == "time_zone":
        return "America/Chicago"
    least = schema.get("minLength", 1)
    return f"tried {dice.randint(1, 10**6)}".ljust(least, "x")[: schema.get("maxLength", 200)]
