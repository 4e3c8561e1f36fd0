"""`python -m tests.proof.faults`: both halves, one table; exit code 1 where something did not hold."""

import argparse
import os
import platform as machine
import random
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path
from types import FrameType

from deploy.local.instance import ROOT
from tests.proof.faults import own_broker, plan
from tests.proof.faults.run import Figures, run

HOME = ROOT / ".partywall" / "faults"
_ROWS = (
    "requests", "answered 2xx", "attempts", "attempts answered 5xx", "attempts without an answer",
    "answered after a repetition", "given up", "given up, yet done as a whole", "requests refused",
    "requests lost", "requests doubled", "requests half",
    "events published", "applied", "events lost", "events doubled",
)  # fmt: skip


def main() -> int:
    """Run what the arguments ask for."""
    chosen = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, _stop)
    first, second = plan.complete(chosen.kills, chosen.others)
    plans = [second] if chosen.without_broker else [first] if chosen.with_broker else [first, second]
    if first in plans and own_broker.installed() is None:
        _say("NO RABBITMQ IS INSTALLED HERE (rabbitmq-server): THE HALF WITH A BROKER IS NOT RUN")
        if os.environ.get("REQUIRE_RABBITMQ"):
            return 1
        plans = [second]
    _say(f"seed {chosen.seed}")
    done = []
    for place, each in enumerate(plans):
        _say(f"\n{each.title}")
        home = chosen.home / str(place)
        shutil.rmtree(home, ignore_errors=True)  # what an earlier run left
        done.append(run(each, chosen.seed, home, _say))
    for figures in done:
        print(report(figures))
    return 1 if any(figures.findings for figures in done) else 0


def report(figures: Figures) -> str:
    """The figures of a run as Markdown."""
    times = sorted(figures.recovery) or [0.0]
    rows = [("kills", f"{figures.kills}"), *((name, f"{figures.counts.get(name, 0):,}") for name in _ROWS)]
    rows.append(("ready again after a kill, p50", f"{statistics.median(times):.1f} s"))
    rows.append(("ready again after a kill, longest", f"{times[-1]:.1f} s"))
    rows.append(("settled after the last fault", f"{figures.settled_after:.1f} s"))
    lines = [f"\n{figures.title}; seed {figures.seed}, {figures.seconds:.0f} s; {_machine()}\n", "| | |", "|---|---:|"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    lines += ["", "; ".join(f"{name}: {times}" for name, times in sorted(figures.struck.items()))]
    lines += ["", *(f"DOES NOT HOLD: {finding}" for finding in figures.findings)] if figures.findings else []
    return "\n".join(lines)


def _stop(number: int, frame: FrameType | None) -> None:
    """Whatever was started is stopped on the way out."""
    raise KeyboardInterrupt


def _machine() -> str:
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores {machine.machine()}, load {os.getloadavg()[1]:.1f}"


def _say(words: str) -> None:
    """Progress goes to standard error, the figures to standard output."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="the same order again")
    parser.add_argument("--kills", type=int, default=60, help="in the half with a broker; half as many without")
    parser.add_argument("--others", type=int, default=1, help="rounds of every fault that is no kill")
    parser.add_argument("--home", type=Path, default=HOME, help="folder of all data")
    half = parser.add_mutually_exclusive_group()
    half.add_argument("--with-broker", action="store_true", help="only the half with RabbitMQ")
    half.add_argument("--without-broker", action="store_true", help="only `make run` as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
