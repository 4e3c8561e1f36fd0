"""`python -m tests.proof.api`: a platform, its demo month, then requests of every kind until there were enough."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from deploy.demo import story
from deploy.local.instance import ROOT
from tests.proof.api import cast as casting
from tests.proof.api import garbage, planes
from tests.proof.api.aim import Aim, places
from tests.proof.api.document import Document
from tests.proof.api.engine import Seen, Size, run
from tests.proof.api.known import Known, ListeningStage, explore
from tests.proof.api.report import Figures
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "proof-api"
REQUESTS = 20_000
ROUND, CHAINS, STEPS = 8, 40, 8  # cases for each operation and round; chains of the stateful phase, and their length


def main() -> int:
    """1 where something was found."""
    asked = _arguments()
    shutil.rmtree(asked.home / "1", ignore_errors=True)  # what an earlier run left
    began = time.monotonic()
    with Platform(asked.home) as platform:
        _say(f"platform ready after {platform.ready_after:.0f} s")
        figures = prove(platform, asked)
    for line in figures.lines():
        print(line)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}, "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    chains = _machines(asked.chains, asked.seed) if asked.chains else 0
    return 1 if figures.findings or chains else 0


def prove(platform: Platform, asked: argparse.Namespace) -> Figures:
    """Everything at one platform."""
    document = Document()
    known = Known(document, set())
    stage = ListeningStage(platform.folder, lambda _: None)
    stage.known = known
    stage.at(platform.url)
    if not asked.short:
        story.play(stage)
    cast = casting.make(stage)
    known.kept = cast.kept
    figures = Figures(asked.seed, complete=_complete(asked))
    for plane in planes.PLANES:
        opened = planes.open_to(document, plane)
        labels, spoiled = _chosen(opened, asked), garbage.targets(document, opened)
        if asked.short:
            spoiled -= figures.spoiled
        explore(known, cast.people[plane][0], places(cast), _lists(document, labels, spoiled, asked.short))
        _say(f"{plane} plane: {len(labels)} operations; known: {known.counts[0]:,} ids")
        _plane(figures, plane, Aim(known, cast, plane, asked.seed), labels, spoiled, asked)
    return figures


def _complete(asked: argparse.Namespace) -> bool:
    """Whether it is long enough for every operation to have answered well once."""
    return not (asked.short or asked.operations or asked.minutes) and asked.requests >= REQUESTS


def _lists(document: Document, labels: set[str], spoiled: set[str], short: bool) -> set[str]:
    """What is read first: all that can be, or for a short run what names the ids of these operations."""
    if not short:
        return {document.operations[label].path for label in labels}
    return set().union(*(document.operations[label].lists for label in labels | spoiled))


def _plane(figures: Figures, plane: str, aim: Aim, labels: set[str], spoiled: set[str], asked: Any) -> None:
    """Garbage once at `spoiled`, then rounds over `labels` until this plane has had its half of the requests."""
    base = aim.cast.stage.base
    seen = figures.planes[plane] = Seen()
    figures.open_to[plane] = labels
    for sent in garbage.throw(aim, spoiled, base):
        figures.note(sent)
        if sent.fault:
            _say(f"  {sent.fault}: {sent.label}: {sent.what}: {sent.status}")
    number, seconds = 0, asked.minutes * 60 / len(planes.PLANES)
    while seen.requests < asked.requests / len(planes.PLANES) and not (seconds and number):
        # Coverage and examples enumerate the document: the second time they would send the same again.
        chains = 3 if asked.short else CHAINS
        first = number == 0 and not asked.short
        size = Size(asked.examples, chains, STEPS, first, asked.seed + number, seconds)
        run(aim, labels, base, size, seen)
        number += 1
        _say(f"  round {number}: {seen.requests:,} requests, {len(seen.findings)} findings")
    figures.redirected += aim.redirected


def _chosen(labels: set[str], asked: argparse.Namespace) -> set[str]:
    """All, or for a short run some that the seed chooses."""
    every = sorted(labels)
    return set(random.Random(asked.seed).sample(every, min(asked.operations or len(every), len(every))))


def _machines(chains: int, seed: int) -> int:
    """The state machines at length."""
    _say(f"state machines: {chains} chains each")
    command = [sys.executable, "-m", "pytest", "-q", "tests/proof/machines", f"--hypothesis-seed={seed}"]
    environment = {**os.environ, "PROOF_CHAINS": str(chains)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _say(words: str) -> None:
    """Progress goes to standard error, the report to standard output."""
    sys.stderr.write(f"{words}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.api", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the platform")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="at least so many, half of them on each plane")
    parser.add_argument("--examples", type=int, default=ROUND, help="cases for each operation and round")
    parser.add_argument("--operations", type=int, default=0, help="so many operations of each plane only")
    parser.add_argument("--chains", type=int, default=60, help="chains of each state machine, 0 for none")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long, half of it on each plane")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--short", action="store_true", help="without the story, its ids, and what is enumerated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
