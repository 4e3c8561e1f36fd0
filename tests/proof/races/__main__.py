"""`python -m tests.proof.races`: start a platform, let everybody at once at everything, print one table."""

import argparse
import os
import platform as machine
import shutil
import sys
import time
from pathlib import Path

from deploy.local.instance import ROOT
from tests.bench.table import markdown
from tests.proof.races import invariants, relays, rounds
from tests.proof.races.ground import Ground
from tests.proof.races.race import Broken, Race
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "races"
_SERVERS = ("POSTGRES_ADMIN_URL", "DATABASE_PREFIX")
_SETTLED_SECONDS = 12  # by then every idle connection has told the statistics what it met


def main() -> int:
    """Run the races; 1 where one was not won by exactly one."""
    chosen = _arguments()
    shutil.rmtree(chosen.home / "1", ignore_errors=True)  # what an earlier run left
    began, servers = time.monotonic(), {name: os.environ[name] for name in _SERVERS if name in os.environ}
    with Platform(chosen.home, WEB_WORKERS="2", **servers) as running:
        _say(f"a platform with two web processes a service, ready after {running.ready_after:.0f} s")
        ground = Ground(running)
        try:
            rows, broken = _races(ground, _chosen(chosen.only), chosen.rounds)
        finally:
            ground.close()
    print(f"\n{_machine()}; {chosen.rounds} rounds each, fewer of long ones\n")
    print(markdown(rounds.HEADS, rows))
    for words in broken:
        print(f"\nBROKEN: {words}")
    _say(f"All this took {time.monotonic() - began:.0f} s.")
    return 1 if broken else 0


def _chosen(words: str) -> list[Race]:
    """The races with these words in their names; without a broker not the one that needs it."""
    races = [race for race in rounds.RACES if words in race.name]
    if relays.by_queue in races and not relays.broker_answers():
        _say(f"no RabbitMQ at RABBITMQ_URL: left out is {relays.by_queue.name}")
        races.remove(relays.by_queue)
    return races


def _races(ground: Ground, races: list[Race], count: int) -> tuple[list[tuple[str, ...]], list[str]]:
    """The rows of the table, and what was broken."""
    rows, broken = [], []
    before = ground.deadlocks()
    for race in races:
        try:
            rows.append(tuple(rounds.cells(rounds.run(ground, race, count))))
            _say("  " + " | ".join(rows[-1]))
            invariants.check(ground)
        except Broken as words:
            broken.append(str(words))
            _say(f"  BROKEN: {words}")
    _say(f"  {invariants.check(ground)} questions about sums and numbers, {relays.check(ground):,} events: all right")
    time.sleep(_SETTLED_SECONDS)
    if late := ground.deadlocks() - before:
        broken.append(f"{late} deadlocks in all")
    return rows, broken


def _say(words: str) -> None:
    """Progress goes to standard error, the table to standard output."""
    sys.stderr.write(f"{words}\n")


def _machine() -> str:
    load = os.getloadavg()[1]
    return f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores {machine.machine()}, load {load:.1f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.races", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the platform")
    parser.add_argument("--rounds", type=int, default=50, help="rounds of each race, fewer of long ones")
    parser.add_argument("--only", default="", help="only races whose name has these words")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
