"""Runs schemathesis over the operations of a plane: examples, coverage, fuzzing and stateful phases, all checks."""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.proof.api.aim import Aim
from tests.proof.api.known import Known
from tests.support.problems import documented

# What positive data may be answered: a rule, the state of things or the place can stand against a well-formed request.
# Not 400: that says that a request cannot be read at all, or lacks a header that the document calls required.
REFUSED_BY_RULE = ["2xx", "401", "403", "404", "409", "412", "422", "428", "429"]

REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "414", "415", "422", "428", "429", "431"]

# Answers for each row of a file.
IMPORT = "/billing/charge-imports"


@dataclass(frozen=True)
class Size:
    """How much of each phase: cases per operation, chains of the stateful phase, steps of a chain; and when to stop."""

    examples: int
    chains: int
    steps: int
    coverage: bool
    seed: int
    most_seconds: float = 0  # used up to the end where it is given
    workers: int = 1


@dataclass
class Seen:
    """What came of it."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    answered: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    findings: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # what well-formed requests met, by the problem's name
    links: int = 0

    @property
    def good(self) -> set[str]:
        """Operations that answered 2xx at least once."""
        return {label for label, found in self.answered.items() if any(200 <= status < 300 for status in found)}

    @property
    def unlisted(self) -> set[str]:
        """What well-formed requests were refused with, though docs/problems.md does not explain it."""
        return self.refused.keys() - documented()

    def note(self, phase: str, recorder: ScenarioRecorder) -> None:
        """Count a scenario's requests and keep each new finding with what caused it."""
        for case_id, interaction in recorder.interactions.items():
            node = recorder.cases.get(case_id)
            label = node.value.operation.label if node else recorder.label
            self.requests += 1
            self.phases[phase] += 1
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
                self.answered[label][interaction.response.status_code] += 1
                if node and interaction.response.status_code >= 400 and _well_formed(node.value):
                    self.refused[_problem(interaction.response)] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                interaction, case = recorder.interactions[case_id], recorder.cases[case_id].value
                if check.failure_info is not None and not _explained(check.name, case, interaction.response):
                    label = recorder.cases[case_id].value.operation.label
                    failure = check.failure_info.failure
                    key = (check.name, label, failure.title)
                    if key not in self.findings:
                        sys.stderr.write(f"  {' '.join(key)}\n")
                    self.findings.setdefault(key, [failure.message, check.failure_info.code_sample])


def _well_formed(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _explained(check: str, case: Case[Any], response: Response | None) -> bool:
    """Whether what is called accepted garbage is none of it.

    Nothing was made wrong: an aimed case is judged anew, and an optional body that it leaves out taken for a bad one.
    Or a file was taken, and its wrong rows were refused one by one.
    """
    if check != "negative_data_rejection" or response is None:
        return False
    if case.meta and case.meta.phase.data.description == "Positive test case":
        return True
    return case.operation.label.endswith(IMPORT) and bool(json.loads(response.content).get("rejected"))


def _problem(response: Response) -> str:
    """The name of the problem an answer is."""
    try:
        return str(json.loads(response.content)["type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return "no problem document"


def run(aim: Aim, labels: set[str], base: str, size: Size, seen: Seen) -> None:
    """One round over these operations; `seen` takes in what comes of it."""
    known = aim.known
    schema = schemathesis.openapi.from_dict(known.document.raw, config=_config(base, size)).include(
        lambda context: context.operation.label in labels
    )
    schema.auth(refresh_interval=None)(_provider(aim))
    with _hooked(aim, known):
        for event in from_schema(schema).execute():
            _take(event, seen)


def _take(event: events.EngineEvent, seen: Seen) -> None:
    if isinstance(event, events.ScenarioFinished):
        seen.note(event.phase.value, event.recorder)
    elif isinstance(event, events.NonFatalError):
        seen.faults.append(f"{event.label}: {event.info.title}: {event.info.message}")
    elif isinstance(event, events.FatalError):
        raise event.exception
    elif isinstance(event, events.PhaseStarted) and event.payload is not None:
        seen.links = max(seen.links, event.payload.transitions_selected)


def _config(base: str, size: Size) -> SchemathesisConfig:
    generation = {"max-examples": size.examples, "database": "none", "no-shrink": True}
    generation |= {"with-security-parameters": False}
    stateful: dict[str, Any] = {"enabled": size.chains > 0, "max-steps": size.steps}
    if size.chains:
        stateful["generation"] = {"max-examples": size.chains}
    return SchemathesisConfig.from_dict(
        {
            "seed": size.seed,
            **({"max-time": int(size.most_seconds) + 1} if size.most_seconds else {}),
            "suppress-health-check": ["all"],
            "base-url": base,
            "workers": size.workers,
            "continue-on-failure": True,
            "request-timeout": 60,
            "generation": generation,
            "checks": {
                "positive_data_acceptance": {"expected-statuses": REFUSED_BY_RULE},
                "negative_data_rejection": {"expected-statuses": REFUSED},
                "missing_required_header": {"expected-statuses": REFUSED},
            },
            "phases": {
                "examples": {"enabled": size.coverage},
                "coverage": {"enabled": size.coverage},
                "stateful": stateful,
            },
        }
    )


def _provider(aim: Aim) -> type[schemathesis.AuthProvider[str]]:
    class Tokens:
        """The token of whoever asks."""

        def get(self, case: Any, _: Any) -> str:
            return aim.token(case.operation.label)

        def set(self, case: Any, token: str, _: Any) -> None:
            case.headers["Authorization"] = f"Bearer {token}"

    return Tokens


@contextmanager
def _hooked(aim: Aim, known: Known) -> Iterator[None]:
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        aim.before_call(context, case, kwargs)

    def after_call(_: Any, case: Any, response: Any) -> None:
        answered = response.json() if "json" in str(response.headers.get("content-type")) and response.content else None
        known.learn(case.method.upper(), response.request.url, case.body, response.status_code, answered)

    schemathesis.hook(before_call)
    schemathesis.hook(after_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)
        schemathesis.hooks.unregister(after_call)
