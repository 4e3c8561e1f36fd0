"""Which operations each plane's people may do at all, read from the policies; the rest is the wall's own proof."""

from dataclasses import replace
from functools import cache

from services.gateway.catalogue.operations import Operation
from services.gateway.policies.engine import Engine
from services.gateway.policies.matrix import ENDING, NO, cell, committed, reaches
from services.gateway.roles import ROLES
from tests.proof.api.cast import APART
from tests.proof.api.document import Document

PLANES = ("business", "clinical")
MACHINE = "clinical_system"


def open_to(document: Document, plane: str) -> set[str]:
    """Labels of the operations that somebody of the plane may do, what is open to all included."""
    roles = {role.name for role in ROLES.values() if role.plane == plane} - APART
    return {label for label in document.operations if _may(document, label, roles)}


def machines(document: Document) -> set[str]:
    """Labels of the operations on the clinical plane that only a machine client may do."""
    people = {role.name for role in ROLES.values() if role.plane == "clinical"} - {MACHINE}
    return {
        label for label in document.operations if _may(document, label, {MACHINE}) and not _may(document, label, people)
    }


def _may(document: Document, label: str, roles: set[str]) -> bool:
    described = document.operations[label]
    if described.open_to_all:
        return True
    kind = described.body["operationId"].rsplit(".", 1)[1]
    return any(_does(described.name, kind, name) for name in roles)


@cache
def _does(operation: str, kind: str, role: str) -> bool:
    engine, catalogue = _policies()
    found = catalogue[operation]
    kinds = found.scopes & ({"network", "organization"} if kind == "network" else {kind})
    there = replace(found, scopes=frozenset(kinds))
    return reaches(there, ROLES[role]) and cell(engine, there, ROLES[role]) not in (NO, ENDING)


@cache
def _policies() -> tuple[Engine, dict[str, Operation]]:
    engine, catalogue = committed()
    return engine, {operation.name: operation for operation in catalogue.operations}
