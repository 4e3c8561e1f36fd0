"""Read the committed OpenAPI documents into operations, and find the operation of a method and path."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import orjson

from services.gateway.roles import DECIDERS

FOLDER = Path(__file__).parent
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
ScopeKind = Literal["location", "entity", "network", "organization"]
DataClass = Literal["business", "patient_account", "clinical"]


class BadCatalogue(Exception):
    """An OpenAPI document does not say what the door must know."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What the door knows of one operation. `decider` is the role that takes the reserved decision, else empty."""

    name: str
    method: str
    path: str
    plane: Literal["business", "clinical", "any"]
    scopes: frozenset[ScopeKind]
    writes: bool
    reserved: str | None = None
    decider: str = ""
    data_class: DataClass = "business"
    summary: str = ""

    @property
    def service(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def recorded_first(self) -> bool:
        """The decision must be on record before the call: reserved decisions, patient-level data."""
        return self.reserved is not None or self.data_class != "business"


def of_document(document: Mapping[str, Any], deciders: Mapping[str, str]) -> Iterator[Operation]:
    """The operations of one OpenAPI document. `deciders`: reserved decision -> decider, in the dataset's words.

    Raises BadCatalogue. Public operations (no scopes) are left out: they do not pass the door.
    """
    for path, item in document["paths"].items():
        for method in sorted(METHODS & item.keys()):
            facts = item[method].get("x-partywall")
            if facts is None:
                raise BadCatalogue(f"{method.upper()} {path} declares no operation")
            if facts["scopes"]:
                yield _operation(method.upper(), path, facts, item[method].get("summary", ""), deciders)


def _operation(
    method: str, path: str, facts: Mapping[str, Any], summary: str, deciders: Mapping[str, str]
) -> Operation:
    operation = Operation(
        name=facts["operation"],
        method=method,
        path=path,
        plane=facts["plane"],
        scopes=frozenset(facts["scopes"]),
        writes=facts["writes"],
        reserved=facts.get("reserved"),
        data_class=facts.get("data_class", "business"),
        summary=summary,
    )
    if operation.reserved is None:
        return operation
    if operation.reserved not in deciders:
        raise BadCatalogue(f"{operation.name} takes {operation.reserved}, which the rules do not know")
    return replace(operation, decider=DECIDERS[deciders[operation.reserved]])


class Catalogue:
    """All operations, found by name or by service, method and path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(sorted(operations, key=lambda operation: operation.name))
        self._tree: dict[str, Any] = {}
        for operation in self.operations:
            self._plant(operation)

    @cached_property
    def by_name(self) -> dict[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    def _plant(self, operation: Operation) -> None:
        node = self._tree.setdefault(operation.service, {})
        for segment in _segments(operation.path):
            node = node.setdefault("{}" if segment.startswith("{") else segment, {})
        methods = node.setdefault("", {})
        if operation.method in methods or operation.name in {other.name for other in methods.values()}:
            raise BadCatalogue(f"{operation.method} {operation.path} of {operation.service} is declared twice")
        methods[operation.method] = operation

    def find(self, service: str, segments: Iterable[str]) -> dict[str, Operation]:
        """The operations at a path, by method; a literal segment goes before a parameter. Empty when there are none."""
        node = self._tree.get(service, {})
        return _descend(node, tuple(segments))


def _descend(node: dict[str, Any], segments: tuple[str, ...]) -> dict[str, Operation]:
    if not segments:
        found: dict[str, Operation] = node.get("", {})
        return found
    for key in (segments[0], "{}"):
        below = node.get(key)
        if key and below is not None:
            methods = _descend(below, segments[1:])
            if methods:
                return methods
    return {}


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def documents(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The committed OpenAPI documents, by service."""
    return {file.stem: orjson.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))}


def load(deciders: Mapping[str, str], folder: Path = FOLDER) -> Catalogue:
    """The catalogue of all committed documents. Raises BadCatalogue."""
    return Catalogue(
        operation for document in documents(folder).values() for operation in of_document(document, deciders)
    )
