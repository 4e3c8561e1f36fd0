"""Every request that was answered beside what the databases say: its effect is there once, or not at all."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.proof.faults.asking import Asked
from tests.proof.faults.world import World, pretty

_KEPT = "select key, status, body from idempotency_key"
_TOLD = "select envelope from event_log"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a request makes that carries its key: `rows` yields one `key` a row, `each` rows are one effect.

    It does not ask the idempotency keys, so it finds what they would hide.
    """

    path: str
    service: str
    rows: str
    each: int = 1


THINGS = (
    Thing("/requisitions", "procurement", "select note as key from requisition"),
    Thing("/receipts", "procurement", "select lower(packing_slip) as key from goods_receipt"),
    Thing("/bills", "procurement", "select lower(number) as key from vendor_bill"),
    Thing("/stock/usage", "procurement", "select note as key from stock_move where reason = 'usage'"),
    Thing("/people", "hr", "select split_part(work_email, '@', 1) as key from person"),
    Thing("/charge-imports", "billing", "select regexp_replace(source_id, '-[0-9]$', '') as key from charge", 2),
    Thing("/payments", "billing", "select reference as key from patient_payment"),
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What the databases hold of one key: stored answers, and the attempts that told an event."""

    answers: list[dict[str, Any]]
    told_by: set[str]

    @property
    def done(self) -> bool:
        return any(200 <= (row["status"] or 0) < 300 for row in self.answers)


def check(world: World) -> tuple[dict[str, int], list[str]]:
    """(counts, findings)."""
    asked = world.journal.asked
    effects = _effects(world, asked)
    findings: dict[str, list[str]] = {"lost": [], "doubled": [], "half": [], "refused": []}
    for line in asked:
        for kind, words in _faults(line, effects[line.key]):
            findings[kind].append(f"{kind}: {line.key} {line.what} {line.attempts}: {words}")
    _count_things(world, asked, effects, findings)
    counts = {f"requests {kind}": len(found) for kind, found in findings.items()} | _tally(asked, effects)
    return counts, [words for found in findings.values() for words in found]


def _tally(asked: list[Asked], effects: dict[str, Effect]) -> dict[str, int]:
    attempts = [status for line in asked for status in line.attempts]
    return {
        "requests": len(asked),
        "answered 2xx": sum(line.ended == "done" for line in asked),
        "attempts": len(attempts),
        "attempts answered 5xx": sum(status >= 500 for status in attempts),
        "attempts without an answer": sum(status == 0 for status in attempts),
        "answered after a repetition": sum(line.ended == "done" and len(line.attempts) > 1 for line in asked),
        "given up": sum(line.ended == "given up" for line in asked),
        "given up, yet done as a whole": sum(line.ended == "given up" and effects[line.key].done for line in asked),
    }


def _effects(world: World, asked: list[Asked]) -> dict[str, Effect]:
    answers: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for service, rows in world.ask_all(_KEPT).items():
        for row in rows:
            answers[service, row["key"]].append(row)
    told: dict[str, set[str]] = defaultdict(set)
    for service, rows in world.ask_all(_TOLD).items():
        for envelope in (json.loads(bytes(row["envelope"])) for row in rows):
            if envelope.get("causationid") is None and envelope["source"].endswith(f"/{service}"):
                told[f"{service} {envelope['correlationid'].rpartition('.')[0]}"].add(envelope["correlationid"])
    return {line.key: Effect(answers[line.service, line.key], told[f"{line.service} {line.key}"]) for line in asked}


def _faults(line: Asked, effect: Effect) -> Iterator[tuple[str, str]]:
    if line.ended == "refused":
        yield "refused", pretty(line.body)
    if len(effect.answers) > 1 or len(effect.told_by) > 1:
        yield "doubled", f"{len(effect.answers)} stored answers, events of {sorted(effect.told_by)}"
    if line.ended == "done" and not effect.done:
        yield "lost", "it was answered, and no answer is stored"
    if line.ended == "done" and effect.done and json.loads(bytes(effect.answers[0]["body"])) != line.body:
        yield "half", "the stored answer is not the one that was given"
    if effect.done != bool(effect.told_by):
        yield "half", f"done: {effect.done}, but events of {sorted(effect.told_by)}"


def _count_things(world: World, asked: list[Asked], effects: dict[str, Effect], findings: dict[str, list[str]]) -> None:
    """Compare the rows that carry a key with the keys that must have some."""
    for thing in THINGS:
        there: dict[str, int] = defaultdict(int)
        for row in world.ask(thing.service, thing.rows):
            there[row["key"]] += 1
        for line in asked:
            if line.service == thing.service and line.what.endswith(thing.path):
                due = thing.each if effects[line.key].done else 0
                if there[line.key] != due:
                    kind = "lost" if there[line.key] == 0 else "doubled" if there[line.key] > thing.each else "half"
                    findings[kind].append(f"{kind}: {line.key} {line.what}: {there[line.key]} rows instead of {due}")
