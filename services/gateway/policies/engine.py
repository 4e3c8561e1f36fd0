"""Ask the Cedar policies: allowed or not, by which policy, why, and who could."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cedarpy
import orjson

from services.gateway.catalogue.operations import Catalogue, Operation
from services.gateway.policies.facts import Facts
from services.gateway.roles import ROLES

FOLDER = Path(__file__).parent
_NOBODY = cedarpy.Entities.from_json_str("[]")
_PRINCIPAL = {"type": "Principal", "id": "caller"}
_PLACE = {"type": "Place", "id": "addressed"}


class BadPolicies(Exception):
    """The policy files cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy and its annotations. `source` is `control:<id>` or `decision:<id>` of the rules dataset, or empty."""

    name: str
    effect: str
    why: str
    source: str
    rank: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and the policy that decided it."""

    allowed: bool
    policy: Policy


NO_POLICY = Policy("wall.deny-by-default", "forbid", "No policy permits this to the roles you hold here.", "", 0)
BROKEN = Policy("wall.fail-closed", "forbid", "A policy could not be evaluated.", "", 0)


class Engine:
    """The policies of this process, parsed once. They never change while it runs, so verdicts may be remembered."""

    def __init__(self, text: Mapping[str, str]) -> None:
        parsed, self.policies = _parse(text)
        self._set = cedarpy.PolicySet.from_json_str(orjson.dumps(parsed).decode())
        self.decide = lru_cache(maxsize=20_000)(self._decide)

    def _decide(self, operation: Operation, facts: Facts) -> Verdict:
        """Deny by default; forbid beats permit; a policy that fails to evaluate denies."""
        request = {
            "principal": _PRINCIPAL,
            "action": {"type": "Action", "id": operation.name},
            "resource": _PLACE,
            "context": facts.record(operation),
        }
        answer = cedarpy.is_authorized(request, self._set, _NOBODY)
        if answer.diagnostics.errors:
            return Verdict(False, BROKEN)
        reasons = sorted((self.policies[name] for name in answer.diagnostics.reasons), key=lambda policy: policy.rank)
        return Verdict(answer.allowed, reasons[0] if reasons else NO_POLICY)

    def who_can(self, operation: Operation, facts: Facts) -> tuple[str, ...]:
        """The roles that could do `operation` there; if none can as things are, those that could under an agreement."""
        here = replace(facts, purpose_grant=True)
        settled = replace(here, agreement_in_force=True, agreement_services=_EVERYTHING, baa=True, winding_down=False)
        for place in (here, settled):
            able = tuple(name for name in ROLES if self.decide(operation, place.of_role(name)).allowed)
            if able:
                return able
        return ()


_EVERYTHING = frozenset({"procurement", "hr", "billing", "bookkeeping"})


def _parse(text: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Policy]]:
    """All policies as one Cedar JSON policy set, keyed by @id, the wall first. Raises BadPolicies."""
    static: dict[str, Any] = {}
    policies: dict[str, Policy] = {}
    for file in sorted(text, key=lambda name: (name != "wall.cedar", name)):
        for body in _statements(file, text[file]):
            notes = body.get("annotations", {})
            name = notes.get("id", "")
            if not name or not notes.get("why") or name in policies:
                raise BadPolicies(f"{file}: every policy needs an @id of its own and a @why ({name or 'no id'})")
            static[name] = body
            policies[name] = Policy(name, body["effect"], notes["why"], notes.get("source", ""), len(policies))
    return {"templates": {}, "staticPolicies": static, "templateLinks": []}, policies


def _statements(file: str, text: str) -> list[dict[str, Any]]:
    try:
        parsed = orjson.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise BadPolicies(f"{file}: {error}") from error
    numbered: dict[str, dict[str, Any]] = parsed["staticPolicies"]
    if parsed["templates"]:
        raise BadPolicies(f"{file}: templates are not used here")
    return [numbered[key] for key in sorted(numbered, key=lambda key: int(key.removeprefix("policy")))]


def files(folder: Path = FOLDER) -> dict[str, str]:
    """The policy files of `folder`, by name."""
    return {file.name: file.read_text() for file in sorted(folder.glob("*.cedar"))}


def load(folder: Path = FOLDER) -> Engine:
    """The engine over the committed policies. Raises BadPolicies."""
    return Engine(files(folder))


def schema(catalogue: Catalogue, folder: Path = FOLDER) -> str:
    """The Cedar schema with one action per operation of the catalogue."""
    actions = "\n".join(
        f'action "{operation.name}" appliesTo {{ principal: Principal, resource: Place, context: Facts }};'
        for operation in catalogue.operations
    )
    return (folder / "schema.cedarschema").read_text() + "\n" + actions + "\n"


def faults(catalogue: Catalogue, folder: Path = FOLDER) -> list[str]:
    """What is wrong with the policies, checked against the schema and the catalogue; empty when all is well."""
    result = cedarpy.validate_policies("\n".join(files(folder).values()), schema(catalogue, folder))
    return [str(error) for error in result.errors]
