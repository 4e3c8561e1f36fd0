"""The merged OpenAPI document, read for its paths: which template a URL belongs to, which lists name which ids."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from deploy.local.instance import ROOT
from services.gateway.apidocs.write import MERGED

METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"\{(\w+)\}")
PLACES = ("in_location", "in_entity")


@dataclass(frozen=True)
class Described:
    """One operation of the document."""

    method: str
    path: str
    body: dict[str, Any]

    @property
    def label(self) -> str:
        """As schemathesis names it: `POST /v1/...`."""
        return f"{self.method.upper()} {self.path}"

    @property
    def name(self) -> str:
        """The operation without its scope: `procurement.requisition.approve`."""
        return str(self.body["x-partywall"]["operation"])

    @property
    def open_to_all(self) -> bool:
        return bool(self.body["tags"] == ["open"])

    @property
    def lists(self) -> set[str]:
        """The lists that may name its parameters."""
        parts = self.path.split("/")
        return {"/".join(parts[:at]) for at in range(4, len(parts)) if parts[at].startswith("{")}

    @property
    def required(self) -> list[str]:
        """Query parameters without which it does not answer."""
        return [one["name"] for one in self.body["parameters"] if one["in"] == "query" and one.get("required")]

    @cached_property
    def parameters(self) -> list[str]:
        """The path's parameters but the place."""
        return [name for name in _PARAMETER.findall(self.path) if name not in PLACES]


class Document:
    """What the public API says of itself."""

    def __init__(self) -> None:
        self.raw: dict[str, Any] = json.loads((ROOT / MERGED).read_text())
        self.operations = {
            described.label: described
            for path, item in self.raw["paths"].items()
            for described in (Described(method, path, item[method]) for method in METHODS if method in item)
        }
        by_parameters = sorted(self.raw["paths"], key=lambda path: path.count("{"))
        self._patterns = [(path, _pattern(path)) for path in by_parameters]

    def template(self, path: str) -> str | None:
        """The template a real path (no query) belongs to; plain segments win over parameters."""
        return next((template for template, pattern in self._patterns if pattern.fullmatch(path)), None)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("[^/]+", re.sub(r"([.-])", r"\\\1", template)))
