"""What the guard says of a fee: checks, each with why and its source, and the worst of them as the outcome."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from shared.errors import Conflict


class Outcome(StrEnum):
    """What the guard says: go on, ask counsel first, or not at all."""

    ALLOWED = "allowed"
    HELD = "held"
    BLOCKED = "blocked"


class FeeNotAllowed(Conflict):
    """The fee rules stop this."""


RANK = (Outcome.ALLOWED, Outcome.HELD, Outcome.BLOCKED)


@dataclass(frozen=True, slots=True)
class Check:
    """One check that has something to say. `source` names the dataset entry, `cites` what that entry rests on.

    `severity` is the dataset's: block, hold_for_counsel, review or warn; the last two never stop anything.
    """

    id: str
    title: str
    severity: str
    outcome: Outcome
    why: str
    source: str
    cites: list[str]
    rule_version: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The worst outcome of the checks, and every check that has something to say."""

    outcome: Outcome
    checks: list[Check]
    rule_version: str

    def document(self) -> list[dict[str, Any]]:
        """The checks as JSON."""
        return [asdict(check) for check in self.checks]

    def check_allowed(self) -> None:
        """Raises FeeNotAllowed."""
        if self.outcome != Outcome.ALLOWED:
            raise not_allowed(self.outcome, self.document())


def not_allowed(outcome: str, checks: list[dict[str, Any]]) -> FeeNotAllowed:
    """The refusal of a blocked or held fee: the check, why, and the source it rests on."""
    failed = [check for check in checks if check["outcome"] == outcome]
    first = failed[0]
    return FeeNotAllowed(
        f"{first['title']}: {first['why']}",
        outcome=outcome,
        policy=first["id"],
        why=first["why"],
        source=first["source"],
        sources=first["cites"],
        rule_version=first["rule_version"],
        checks=failed,
    )
