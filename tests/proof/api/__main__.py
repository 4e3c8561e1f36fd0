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
from tests.proof.api.cast import Cast
from tests.proof.api.document import Document
from tests.proof.api.engine import Seen, Size, run
from tests.proof.api.known import Known, ListeningStage, explore
from tests.proof.api.report import Figures
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "proof-api"
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
    figures = Figures(asked.seed)
    for plane in planes.PLANES:
        labels = _chosen(planes.open_to(document, plane), asked)
        wanted = [document.operations[label] for label in labels]
        lists = {one.path for one in wanted} if not asked.short else set().union(*(one.lists for one in wanted))
        explore(known, cast.people[plane][0], places(cast), lists)
        _say(f"{plane} plane: {len(labels)} operations; known: {known.counts[0]:,} ids")
        _plane(figures, plane, known, cast, labels, asked)
    return figures


def _plane(figures: Figures, plane: str, known: Known, cast: Cast, labels: set[str], asked: Any) -> None:
    """Garbage once, then rounds until this plane has had its half of the requests."""
    aim = Aim(known, cast, plane, asked.seed)
    seen = figures.planes[plane] = Seen()
    figures.open_to[plane] = labels
    for sent in garbage.throw(known, aim, labels, cast.stage.base):
        figures.note(sent)
        if sent.fault:
            _say(f"  {sent.fault}: {sent.label}: {sent.what}: {sent.status}")
    number, seconds = 0, asked.minutes * 60 / len(planes.PLANES)
    while seen.requests < asked.requests / len(planes.PLANES) and not (seconds and number):
        # Coverage and examples enumerate the document: the second time they would send the same again.
        chains = 3 if asked.short else CHAINS
        first = number == 0 and not asked.short
        size = Size(asked.examples, chains, STEPS, first, asked.seed + number, seconds)
        run(known, aim, labels, cast.stage.base, size, seen)
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
    parser.add_argument("--requests", type=int, default=20_000, help="at least so many, half of them on each plane")
    parser.add_argument("--examples", type=int, default=ROUND, help="cases for each operation and round")
    parser.add_argument("--operations", type=int, default=0, help="so many operations of each plane only")
    parser.add_argument("--chains", type=int, default=60, help="chains of each state machine, 0 for none")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long, half of it on each plane")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--short", action="store_true", help="without the story, its ids, and what is enumerated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
