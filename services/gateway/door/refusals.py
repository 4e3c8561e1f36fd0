"""What somebody who may not is told: the policy, why, its source, and who could."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.gateway.catalogue.operations import Operation
from services.gateway.door.scoping import NOT_COVERED, OTHER_PLANE, Address, Caller, Outcome
from services.gateway.policies.engine import Engine
from services.gateway.roles import PLANES, ROLES, Role
from services.gateway.rules import dataset
from shared.errors import Forbidden, NotFound, Problem


class Refused(Forbidden):
    """The policies do not allow this."""


class OtherPlane(Forbidden):
    """This is open to you on the other plane only."""


class Sources:
    """Where policies come from in law and practice: the decisions and controls of the rules dataset."""

    def __init__(self, entries: list[Any]) -> None:
        self._bodies: Mapping[tuple[str, str], Mapping[str, Any]] = {
            (entry.kind, entry.key): entry.body for entry in entries
        }

    @classmethod
    def load(cls, on: date) -> "Sources":
        """The newest committed version that is in force on `on`, else the oldest there is."""
        begun = [version for version in dataset.versions() if version <= on.isoformat()]
        return cls(dataset.entries(begun[-1] if begun else dataset.versions()[0]))

    def deciders(self) -> dict[str, str]:
        """Reserved decision -> who decides, in the dataset's words."""
        return {key: body["decides"] for (kind, key), body in self._bodies.items() if kind == "reserved_decision"}

    def of(self, operation: Operation, source: str) -> dict[str, Any] | None:
        """{id, title, cites} behind a policy; for a reserved decision, behind the decision itself."""
        if operation.reserved is not None:
            return self._decision(operation.reserved)
        kind, _, key = source.partition(":")
        if kind == "decision":
            return self._decision(key)
        control = self._bodies.get(("control", key))
        return {"id": key, "title": control["must"], "cites": [control["citation"]]} if control else None

    def _decision(self, key: str) -> dict[str, Any] | None:
        body = self._bodies.get(("reserved_decision", key))
        if body is None:
            return None
        cited = (self._bodies.get(("source", source), {}).get("cite", source) for source in body["sources"])
        return {"id": key, "title": body["title"], "cites": list(cited)}


def refusal(
    engine: Engine, sources: Sources, operation: Operation, address: Address, caller: Caller, outcome: Outcome
) -> Problem:
    """The problem that an outcome without a scope means to its caller."""
    if outcome.policy is NOT_COVERED and address.kind != "network":
        return NotFound()
    if outcome.policy is OTHER_PLANE:
        other = next(plane for plane in PLANES if plane != caller.plane)
        why = f"You act on the {caller.plane} plane; sign in on the {other} plane to use what you hold here."
        return OtherPlane(why, policy=OTHER_PLANE.name, why=why)
    facts = outcome.facts or caller.asking(())
    able = [ROLES[name] for name in engine.who_can(operation, facts)]
    return Refused(
        outcome.policy.why,
        policy=outcome.policy.name,
        why=outcome.policy.why,
        source=sources.of(operation, outcome.policy.source),
        who_can=_who(able, outcome),
    )


def _who(roles: list[Role], outcome: Outcome) -> str | None:
    """'a medical director of Lakeside Aesthetics PC', 'a network buyer or a controller'."""
    clinical = outcome.entity.name if outcome.entity and outcome.entity.clinical else "the clinical entity"
    words = [
        f"{_article(role.title)} {role.title}" + (f" of {clinical}" if role.plane == "clinical" else "")
        for role in roles
    ]
    if len(words) > 1:
        return ", ".join(words[:-1]) + " or " + words[-1]
    return words[0] if words else None


def _article(word: str) -> str:
    return "an" if word[0] in "aeio" else "a"
