"""A race, one round of it, and what every round must fulfil."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.demo.client import Answer
from tests.support.problems import documented

if TYPE_CHECKING:
    from tests.proof.races.ground import Ground

# What waited too long for somebody else's lock is told to try again; a deadlock's victim too, which is counted apart.
PATIENT = frozenset({"busy"})


class Broken(Exception):
    """A round did not end as it must."""


@dataclass(frozen=True, slots=True)
class Round:
    """What the callers were answered, and how many effects were found afterwards where `expected` had to be."""

    answers: Sequence[Answer]
    effects: int
    expected: int = 1


Play = Callable[["Ground"], Round]


@dataclass(frozen=True, slots=True)
class Race:
    """`play` prepares a fresh subject, lets everybody go at once, and looks; `refusals` are the problems that those who
    come too late may be told. A long one is played once where the others are played `every` times."""

    name: str
    refusals: frozenset[str]
    play: Play
    every: int = 1


@dataclass(slots=True)
class Score:
    """Rounds of one race so far."""

    race: Race
    rounds: int = 0
    callers: int = 0
    effects: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    deadlocks: int = 0

    def add(self, played: Round) -> None:
        """Count a round. Raises Broken."""
        for answer in played.answers:
            self._count(answer)
        if played.effects != played.expected:
            shown = [(answer.status, answer.body) for answer in played.answers]
            raise Broken(f"{self.race.name}: {played.effects} effects instead of {played.expected}: {shown}")
        self.rounds += 1
        self.callers = max(self.callers, len(played.answers))
        self.effects += played.effects

    def _count(self, answer: Answer) -> None:
        if answer.ok:
            self.accepted += 1
            return
        slug = slug_of(answer)
        if slug not in self.race.refusals | PATIENT or slug not in documented():
            raise Broken(f"{self.race.name}: {answer.status} {answer.body}")
        self.refused[slug] += 1


def slug_of(answer: Answer) -> str:
    """The name of the problem of a refusal; empty where it is no problem document of a refusal (4xx)."""
    if not 400 <= answer.status < 500 or not isinstance(answer.body, dict):
        return ""
    return str(answer.body.get("type", "")).rpartition("#")[2]


def race(name: str, *refusals: str, every: int = 1) -> Callable[[Play], Race]:
    """Make a race of a function that plays one round."""
    return lambda play: Race(name, frozenset(refusals), play, every)


def require(truth: object, words: str) -> None:
    """Raises Broken unless `truth`."""
    if not truth:
        raise Broken(words)
