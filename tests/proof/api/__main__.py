"""`python -m tests.proof.api`: a platform, its demo month, then requests of every kind until there were enough."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from deploy.local.instance import ROOT
from tests.proof.api.proof import REQUESTS, Proof
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "proof-api"
EXAMPLES = 8  # cases for each operation and round


def main() -> int:
    """1 where something was found."""
    asked = _arguments()
    shutil.rmtree(asked.home / "1", ignore_errors=True)  # what an earlier run left
    began = time.monotonic()
    with Platform(asked.home) as platform:
        _say(f"platform ready after {platform.ready_after:.0f} s")
        figures = Proof(platform, asked, _say).play()
    for line in figures.lines():
        print(line)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}, "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    chains = _machines(asked.chains, asked.seed) if asked.chains else 0
    return 1 if figures.findings or chains else 0


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
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="cases for each operation and round")
    parser.add_argument("--operations", type=int, default=0, help="so many operations of each plane only")
    parser.add_argument("--chains", type=int, default=60, help="chains of each state machine, 0 for none")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long, half of it on each plane")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--short", action="store_true", help="without the story, its ids, and what is enumerated")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
