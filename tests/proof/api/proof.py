"""One run: both planes in turn, at a platform that tells its demo month, until everything was tried well enough."""

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass

from deploy.demo import story
from tests.proof.api import cast as casting
from tests.proof.api import garbage, planes
from tests.proof.api.aim import Aim, places
from tests.proof.api.cast import Cast
from tests.proof.api.document import Document
from tests.proof.api.engine import Seen, Size, run
from tests.proof.api.ground import Ground
from tests.proof.api.known import Known, ListeningStage, explore
from tests.proof.api.report import Figures
from tests.support.platform import Platform

REQUESTS = 20_000
CHAINS, STEPS = 40, 8  # chains of the stateful phase, and their length
AGAIN = 6  # more rounds at most, for what no request of the first ones did well
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Side:
    """A plane: what is asked of its operations, and which get garbage."""

    plane: str
    aim: Aim
    labels: set[str]
    spoiled: set[str]


class Proof:
    """What is known and found while it runs. `asked` are the arguments of the command."""

    def __init__(self, platform: Platform, asked: argparse.Namespace, say: Say) -> None:
        self._asked, self._say = asked, say
        self._document = Document()
        self._known = Known(self._document, set())
        self._cast = self._told(platform)
        self._known.kept = self._cast.kept
        self._ground = None if asked.short else Ground(self._cast)
        complete = not (asked.short or asked.operations or asked.minutes) and asked.requests >= REQUESTS
        self.figures = Figures(asked.seed, complete=complete)

    def _told(self, platform: Platform) -> Cast:
        stage = ListeningStage(platform.folder, lambda _: None)
        stage.known = self._known
        stage.at(platform.url)
        if not self._asked.short:
            story.play(stage)
        return casting.make(stage)

    def play(self) -> Figures:
        """Garbage once, and rounds until each plane has had its half of the requests; then, in a complete run, rounds
        of what was never answered well."""
        sides = []
        for plane in planes.PLANES:
            side = self._side(plane)
            sides.append(side)
            self.figures.planes[plane], self.figures.open_to[plane] = Seen(), side.labels
            self._prepare(side)
            self._say(f"{plane} plane: {len(side.labels)} operations; known: {self._known.counts[0]:,} ids")
            self._garbage(side)
            self._rounds(side)
        for number in range(AGAIN if self.figures.unanswered else 0):
            for side in sides:
                if labels := side.labels & set(self.figures.unanswered):
                    self._say(f"  {side.plane}, once more: {', '.join(sorted(labels))}")
                    self._prepare(side)
                    self._round(side, labels, 100 + number, first=False, chains=0)
        for side in sides:
            self.figures.redirected += side.aim.redirected
        return self.figures

    def _side(self, plane: str) -> _Side:
        opened, asked = planes.open_to(self._document, plane), self._asked
        spoiled = garbage.targets(self._document, opened)
        if asked.short:
            spoiled -= self.figures.spoiled
        aim = Aim(self._known, self._cast, plane, asked.seed, self._ground)
        return _Side(plane, aim, self._chosen(opened), spoiled)

    def _chosen(self, labels: set[str]) -> set[str]:
        """All, or for a short run some that the seed chooses."""
        every = sorted(labels)
        return set(random.Random(self._asked.seed).sample(every, min(self._asked.operations or len(every), len(every))))

    def _prepare(self, side: _Side) -> None:
        """Rows to change, and what is there to be named."""
        if self._ground:
            self._ground.lay()
        explore(self._known, self._cast.people[side.plane][0], places(self._cast), self._lists(side))

    def _lists(self, side: _Side) -> set[str]:
        """What is read first: all that can be, or for a short run what names the ids of these operations."""
        operations = self._document.operations
        if not self._asked.short:
            return {operations[label].path for label in side.labels}
        return set().union(*(operations[label].lists for label in side.labels | side.spoiled))

    def _garbage(self, side: _Side) -> None:
        for sent in garbage.throw(side.aim, side.spoiled, self._cast.stage.base):
            self.figures.note(sent)
            if sent.fault:
                self._say(f"  {sent.fault}: {sent.label}: {sent.what}: {sent.status}")

    def _rounds(self, side: _Side) -> None:
        """Until this plane has had its half of the requests, or of the time."""
        number, seen = 0, self.figures.planes[side.plane]
        while seen.requests < self._asked.requests / len(planes.PLANES) and not (self._asked.minutes and number):
            if number:
                self._prepare(side)
            # Coverage and examples enumerate the document: the second time they would send the same again.
            short = self._asked.short
            self._round(side, side.labels, number, first=number == 0 and not short, chains=3 if short else CHAINS)
            number += 1

    def _round(self, side: _Side, labels: set[str], number: int, *, first: bool, chains: int) -> None:
        asked, seen = self._asked, self.figures.planes[side.plane]
        seconds = asked.minutes * 60 / len(planes.PLANES)
        # More cases of the few that are left: most of them miss.
        examples = asked.examples if chains else 5 * asked.examples
        size = Size(examples, chains, STEPS, first, asked.seed + number, seconds)
        run(side.aim, labels, self._cast.stage.base, size, seen)
        self._say(f"  {side.plane} {number}: {seen.requests:,} requests, {len(seen.findings)} findings")
