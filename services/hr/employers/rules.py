"""Who may employ whom: the employer-of-record rule and the dual-role rule, read from the state data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from shared.rules import Rule

POLICY = "term.no_clinical_employment_by_mso"
DUAL_ROLE = "governance.dual_role.clear"
CLINICAL_ENTITY = "clinical_entity"
BARRED = ("strict", "moderate")
TOLERATED = ("weak", "none")


class Action(StrEnum):
    """What to do with a proposed employment; `hold` waits for counsel and never becomes `allow` by itself."""

    ALLOW = "allow"
    FLAG = "flag"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says, why, and where that stands."""

    action: Action
    why: str = ""
    sources: tuple[str, ...] = ()
    rule_version: str | None = None


_ORDER = (Action.REFUSE, Action.HOLD, Action.FLAG, Action.ALLOW)


def judge_employer(
    *, clinical: bool, employer_kind: str, states: Iterable[tuple[str, Rule | None]], on: date
) -> Verdict:
    """May an entity of this kind employ somebody in this position, in these states (code, state rule or None)?

    Source: the state's corporate-practice rule (kind `state`) and `term.no_clinical_employment_by_mso`. The strictest
    state decides. A missing, unknown or stale rule holds.
    """
    if not clinical or employer_kind == CLINICAL_ENTITY:
        return Verdict(Action.ALLOW)
    verdicts = [_judge_state(code, rule, on) for code, rule in states]
    return min(verdicts, key=lambda verdict: _ORDER.index(verdict.action), default=_no_state())


def _no_state() -> Verdict:
    return Verdict(Action.HOLD, "No state is known in which the work is done.")


def _judge_state(code: str, rule: Rule | None, on: date) -> Verdict:
    if rule is None:
        return Verdict(Action.HOLD, f"There is no rule for {code}.")
    doctrine, name = rule.body.get("cpom"), rule.body.get("name", code)
    sources, version = (f"required_term:{POLICY}", *state_sources(rule)), rule.dataset_version
    if rule.is_stale(on):
        return Verdict(Action.HOLD, f"The rule of {name} was last reviewed on {rule.reviewed}.", sources, version)
    if doctrine in BARRED:
        why = f"In {name} ({doctrine} corporate practice of medicine rule) only the clinical entity employs clinicians."
        return Verdict(Action.REFUSE, why, sources, version)
    if doctrine in TOLERATED:
        why = f"{name} tolerates it ({doctrine} corporate practice of medicine rule); have counsel confirm."
        return Verdict(Action.FLAG, why, sources, version)
    return Verdict(Action.HOLD, f"The rule of {name} is not known.", sources, version)


def state_sources(rule: Rule) -> tuple[str, ...]:
    """The key and version of a state rule, then what it cites."""
    cites = tuple(str(source["cite"]) for source in rule.body.get("sources", []))
    return (f"state:{rule.key}@{rule.dataset_version}", *cites)


def is_dual(kinds: Sequence[str]) -> bool:
    """Whether somebody employed by entities of these kinds stands on both sides of the wall."""
    return CLINICAL_ENTITY in kinds and any(kind != CLINICAL_ENTITY for kind in kinds)


def dual_role_barred(decision: dict[str, Any], states: Iterable[str]) -> list[str]:
    """The states among these whose own rule bars it (`explicit_in` of governance.dual_role.clear)."""
    return sorted(set(decision.get("explicit_in", [])) & set(states))
