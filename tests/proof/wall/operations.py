"""What the committed catalogue declares, as something that can be attacked: paths, parameters, bodies, scopes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.catalogue import operations
from services.gateway.catalogue.operations import METHODS

SCOPES = ("location", "entity", "network", "organization")
_PARAMETER = re.compile(r"\{(\w+)\}")
_RENDERED = "application/json"


@dataclass(frozen=True)
class Operation:
    """One operation. `document` is its service's OpenAPI document, `item` its place there."""

    name: str
    method: str
    path: str
    facts: Mapping[str, Any]
    item: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def service(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def plane(self) -> str:
        return str(self.facts["plane"])

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(scope for scope in SCOPES if scope in self.facts["scopes"])

    @property
    def writes(self) -> bool:
        return bool(self.facts["writes"])

    @property
    def reserved(self) -> str | None:
        return self.facts.get("reserved")

    @property
    def patient(self) -> bool:
        """Whether it touches patient-level data."""
        return bool(self.facts.get("data_class", "business") != "business")

    @property
    def recorded_first(self) -> bool:
        """Whether the door records its decision before the call, so that the token names it."""
        return bool(self.reserved) or self.patient

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return _PARAMETER.findall(self.path)

    @property
    def query(self) -> list[Mapping[str, Any]]:
        return [one for one in self.item.get("parameters", []) if one["in"] == "query"]

    @property
    def body_type(self) -> str | None:
        """The content type to send; JSON where there is a choice."""
        content = self.item.get("requestBody", {}).get("content", {})
        return _RENDERED if _RENDERED in content else next(iter(content), None)

    @property
    def body_schema(self) -> Mapping[str, Any] | None:
        content = self.item.get("requestBody", {}).get("content", {})
        return content[_RENDERED]["schema"] if _RENDERED in content else None

    def filled(self, values: Mapping[str, str]) -> str:
        """The path with its parameters filled in."""
        return _PARAMETER.sub(lambda found: values[found[1]], self.path)


def declared() -> list[Operation]:
    """Every operation of the committed catalogue that passes the door."""
    return [operation for _, document in sorted(operations.documents().items()) for operation in of_document(document)]


def of_document(document: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations of one OpenAPI document; public ones (no scopes) do not pass the door."""
    for path, place in document["paths"].items():
        for method in sorted(METHODS & place.keys()):
            item = place[method]
            if item["x-partywall"]["scopes"]:
                yield Operation(
                    item["x-partywall"]["operation"], method.upper(), path, item["x-partywall"], item, document
                )
