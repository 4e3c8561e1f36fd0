"""`make bench-growth`: what a request costs as sites and orders become many, what row-level security adds, and how web
workers share their connections."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from deploy.local.instance import ROOT
from shared.db import Database
from shared.tenancy import Scope
from tests.bench import franchise, loads, orders, raw_events, spread, walls, works
from tests.bench.franchise import Network, Site
from tests.bench.table import Load, markdown, verdict
from tests.bench.works import Pair
from tests.support.platform import Platform

HOME = ROOT / ".partywall" / "growth"
STEPS = "1:10000,50:1000000,500:10000000"
HEADS = ("work", "sites", "orders", "per s", "p50 ms", "p99 ms", "errors", "CPU ms", "growth", "mark", "met")
MOST = 1.3  # cost per request at any step, over that at the first
LINED = 10_000
_QUIET = 0.25  # cores the platform may use while nobody asks anything
_LOOK, _PATIENCE = 0.5, 120.0  # seconds over which that is measured, seconds to wait for it


@dataclass(frozen=True, slots=True)
class Chosen:
    """Sites and orders at each step; which works; seconds of each round; how often the web server starts; where."""

    steps: Sequence[tuple[int, int]]
    works: Sequence[str]
    seconds: float
    rounds: int
    starts: int
    home: Path

    def pairs(self, platform: Platform, network: Network) -> list[Pair]:
        """The chosen works. Reads come first: they leave nothing to do behind."""
        return [pair for pair in reversed(works.buying(platform, network)) if pair.through.name in self.works]


@dataclass(frozen=True, slots=True)
class Measured:
    """A work at a step. `cost` is CPU milliseconds per request, PostgreSQL included."""

    work: str
    sites: int
    orders: int
    load: Load
    cost: float

    def cells(self, first: float) -> list[str]:
        """Its line of the table; `first` is the cost at the first step."""
        growth, load = self.cost / first, self.load
        latencies = [f"{load.percentile(share):.1f}" for share in (0.5, 0.99)]
        figures = [f"{load.rate:,.0f}", *latencies, str(load.errors), f"{self.cost:.2f}", f"{growth:.2f}"]
        sizes = [f"{self.sites:,}", f"{self.orders:,}"]
        return [self.work, *sizes, *figures, f"<= {MOST}", verdict([] if growth <= MOST else [f"{growth:.2f}"])]


def main() -> int:
    """Grow and measure; 1 where a request was answered with an error."""
    chosen = _arguments()
    began = time.monotonic()
    shutil.rmtree(chosen.home / "1", ignore_errors=True)  # what an earlier run left
    with Platform(chosen.home) as running:
        measured, network = _grow(running, chosen)
        _say("row-level security on and off")
        walled = walls.rows(running, chosen.pairs(running, network), chosen.seconds, chosen.rounds)
    _say(f"connections of two web workers, from {chosen.starts} starts")
    with tempfile.TemporaryDirectory() as folder:
        spreads = spread.rows(Path(folder), chosen.starts)
    print(f"\n{works.machine()}; {works.CLIENTS} clients, the median of {chosen.rounds} x {chosen.seconds:g} s\n")
    for heads, rows in ((HEADS, table(measured)), (walls.HEADS, walled), (spread.HEADS, spreads)):
        print(f"{markdown(heads, rows)}\n")
    _say(f"All this took {time.monotonic() - began:.0f} s.")
    return 1 if any(one.load.errors for one in measured) else 0


def table(measured: Sequence[Measured]) -> list[list[str]]:
    """The lines of each work together, its cost compared with that of its first step."""
    first = {one.work: one.cost for one in reversed(measured)}
    return [one.cells(first[one.work]) for work in first for one in measured if one.work == work]


def _grow(platform: Platform, chosen: Chosen) -> tuple[list[Measured], Network]:
    """Every work at every step, and the network after the last."""
    sites: Sequence[Site] = ()
    measured, there = [], 0
    raw_events.prepare(platform.owner_url("procurement"))
    for wanted, total in chosen.steps:
        _say(f"making {wanted - len(sites)} sites and {total - there:,} orders")
        network = franchise.grow(platform, wanted, sites)
        _load(platform, network, there, total)
        sites, there = network.sites, total
        for pair in chosen.pairs(platform, network):
            measured.append(_measure(platform, pair, (wanted, total), chosen))
            _say("  " + " | ".join(measured[-1].cells(measured[-1].cost)[:-3]))
    return measured, network


def _load(platform: Platform, network: Network, before: int, total: int) -> None:
    """Orders with their requisitions; lines for the newest of them, because no measured work reads a line."""
    database, began = platform.database("procurement"), time.monotonic()
    orders.load(database, network, total - before, before=before, lined=LINED)
    _say(f"  loaded after {time.monotonic() - began:.0f} s")
    orders.settle(platform.admin_url("procurement"))
    _wait_for_sites(database, network)
    database.close()
    _say(f"  settled after {time.monotonic() - began:.0f} s")


def _wait_for_sites(database: Database, network: Network) -> None:
    """Until procurement has heard of every site."""
    query = text("select count(*) from known_location where id = any(:ids)")
    ids, deadline = [site.id for site in network.sites], time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with database.transaction(Scope.whole(network.organization_id)) as session:
            if session.execute(query, {"ids": ids}).scalar_one() == len(ids):
                return
        time.sleep(0.2)
    raise TimeoutError("procurement has not heard of every site")


def _measure(platform: Platform, pair: Pair, size: tuple[int, int], chosen: Chosen) -> Measured:
    """The round of the median cost."""
    rounds = []
    for _ in range(chosen.rounds):
        _rest(platform)
        load, cpu = loads.run(pair.through, works.CLIENTS, chosen.seconds / 3, chosen.seconds, platform.cpu_seconds)
        rounds.append(Measured(pair.name, *size, load, cpu * 1000 / max(1, len(load.latencies))))
    return sorted(rounds, key=lambda one: one.cost)[len(rounds) // 2]


def _rest(platform: Platform) -> None:
    """Until what was done before has had all its effects, so that nobody else is charged for them."""
    deadline = time.monotonic() + _PATIENCE
    used = 1.0
    while used > _QUIET and time.monotonic() < deadline:
        before = platform.cpu_seconds()
        time.sleep(_LOOK)
        used = (platform.cpu_seconds() - before) / _LOOK
    if used > _QUIET:
        _say(f"  the platform does not come to rest: it uses {used:.2f} of a core")


def _say(words: str) -> None:
    """Progress goes to standard error, the tables to standard output."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")


def _arguments() -> Chosen:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--steps", default=STEPS, help="sites:orders, the smallest first")
    parser.add_argument("--works", default="order,newest,spend", help="which to measure")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=12, help="of a web server with two workers")
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the measured platform")
    given = parser.parse_args()
    steps = [tuple(map(int, step.split(":"))) for step in given.steps.split(",")]
    sizes = [(sites, total) for sites, total in steps]
    return Chosen(sizes, given.works.split(","), given.seconds, given.rounds, given.starts, given.home)


if __name__ == "__main__":
    sys.exit(main())
