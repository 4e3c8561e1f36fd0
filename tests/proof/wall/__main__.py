"""`python -m tests.proof.wall`: attack tenancy and the wall on a platform; print what was tried, refused, leaked."""

import argparse
import os
import platform as machine
import shutil
import sys
import time
from pathlib import Path

from deploy.local.instance import ROOT
from tests.proof.wall.proof import Effort, fresh_seed, prove
from tests.proof.wall.tally import markdown
from tests.proof.wall.world import World
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "wall"
_HEADS = ("layer", "case", "operations or tables", "tried", "refused", "leaked")


def main() -> int:
    """Try everything once; 1 where anything leaked."""
    chosen = _arguments()
    shutil.rmtree(chosen.home / "1", ignore_errors=True)  # what an earlier run left
    began = time.monotonic()
    with Platform(chosen.home) as running:
        world = World(running, chosen.seed)
        try:
            proof = prove(world, Effort(chosen.sample, chosen.sample), _say)
        finally:
            world.close()
    for tally in proof.tallies:
        print(f"{tally.table()}\n")
    print(markdown(_HEADS, [row for tally in proof.tallies for row in tally.summary()]))
    print(f"\n{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores {machine.machine()}, seed {proof.seed}:", end=" ")
    print(f"{proof.tried:,} tried, {len(proof.leaks)} leaked, in {time.monotonic() - began:.0f} s")
    for leak in proof.leaks:
        print(f"LEAK {leak}")
    return 1 if proof.leaks else 0


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.wall", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the attacked platform")
    parser.add_argument("--seed", type=int, default=fresh_seed(), help="of the dice; printed at the end")
    parser.add_argument("--sample", type=int, default=None, help="attacks for each operation (all, unless given)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
