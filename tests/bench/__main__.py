"""`python -m tests.bench`: start the platform, load it, measure, print one table."""

import argparse
import os
import shutil
import sys
import time
from dataclasses import fields
from pathlib import Path

from deploy.local.instance import ROOT
from tests.bench import franchise, works
from tests.bench.table import HEADS, markdown
from tests.bench.works import Size
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "bench"
MEMORY, SECOND_START = 120, 20  # MiB of a process, seconds
_SERVERS = ("POSTGRES_ADMIN_URL", "DATABASE_PREFIX", "BUS_URL", "BUS_PREFIX")


def main() -> int:
    """Measure once; 1 where something the crowd asked for was answered with an error."""
    size, home = _arguments()
    shutil.rmtree(home / "1", ignore_errors=True)  # what an earlier run left
    servers = {name: os.environ[name] for name in _SERVERS if name in os.environ}
    began = time.monotonic()
    with Platform(home, **servers) as running:
        _say(f"first start {running.ready_after:.1f} s; making {size.sites} sites")
        network = franchise.grow(running, size.sites)
        _say(f"loading {size.orders:,} orders of five lines and {size.charges:,} charges")
        measured = []
        for row in works.rows(running, network, size):
            _say("  " + " | ".join(row.cells()))
            measured.append(row)
        memory = running.memory()
    with Platform(home, **servers) as again:
        second_start = again.ready_after
    print(f"\n{works.machine()}; {size.sites} sites, {size.orders:,} orders; {works.CLIENTS} clients\n")
    print(markdown(HEADS, [row.cells() for row in measured]))
    print()
    print(_memory(memory))
    print(f"\nSecond start: ready after {second_start:.1f} s (mark: < 20 s, {_within(second_start, SECOND_START)}).")
    _say(f"All this took {time.monotonic() - began:.0f} s.")
    return 1 if any(row.crowd_errors for row in measured) else 0


def _memory(memory: dict[str, float]) -> str:
    rows = [(name, f"{mib:.0f}", _within(mib, MEMORY)) for name, mib in memory.items()]
    return markdown(("process", f"MiB (mark: < {MEMORY})", "met"), rows)


def _within(figure: float, bound: float) -> str:
    return "met" if figure < bound else "missed"


def _say(words: str) -> None:
    """Progress goes to standard error, the table to standard output."""
    sys.stderr.write(f"{words}\n")


def _arguments() -> tuple[Size, Path]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the measured platform")
    for each in fields(Size):
        kind = float if isinstance(each.default, float) else int
        parser.add_argument(f"--{each.name}", type=kind, default=each.default)
    chosen = vars(parser.parse_args())
    return Size(**{each.name: chosen[each.name] for each in fields(Size)}), chosen["home"]


if __name__ == "__main__":
    sys.exit(main())
