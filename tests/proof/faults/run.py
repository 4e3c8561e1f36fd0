"""One run: start, work, strike, let it settle, check."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.proof.faults import checks, faults, own_broker, settle, work
from tests.proof.faults.faults import Fault
from tests.proof.faults.own_broker import BrokerFailed
from tests.proof.faults.plan import Plan
from tests.proof.faults.world import NotRecovered, World

Say = Callable[[str], None]
_WARM_SECONDS = 3.0
_TOGETHER = 0.3  # how often a kill is followed by the next before the platform has recovered


@dataclass
class Figures:
    """What a run came to. `findings` is empty where everything held."""

    title: str
    seed: int
    kills: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    recovery: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    settled_after: float = 0.0
    seconds: float = 0.0


def run(plan: Plan, seed: int, home: Path, say: Say, then: Callable[[World], None] = lambda world: None) -> Figures:
    """Do `plan`, and `then` before the platform stops. What cannot go on ends in a finding, as what does not hold."""
    figures, began = Figures(plan.title, seed), time.monotonic()
    with World(home, seed, own_broker.installed() if plan.broker else None) as world:
        say("the platform runs; preparing")
        work.prepare(world.stage())
        load = work.Load(world.stage, world.journal, seed)
        load.start()
        time.sleep(_WARM_SECONDS)
        try:
            _strike_all(world, plan.faults(seed), figures, say)
        except (NotRecovered, BrokerFailed, psycopg.Error) as failure:
            figures.findings.append(_why(world, failure))
        say("every fault is over; settling")
        load.stop()
        _settle_and_check(world, figures, say)
        figures.findings += [f"a desk broke: {error!r}" for error in load.broken]
        then(world)
    figures.seconds = time.monotonic() - began
    return figures


def _strike_all(world: World, planned: list[Fault], figures: Figures, say: Say) -> None:
    waiting: list[float] = []
    for number, fault in enumerate(planned, 1):
        at = time.monotonic()
        whom = fault.strike(world)
        at = max(at, world.spared_at)
        figures.struck[fault.name] = figures.struck.get(fault.name, 0) + 1
        figures.kills += fault.kills
        waiting += [at] if fault.kills else []
        if fault in faults.EASY and world.chance.random() < _TOGETHER:
            say(f"{number:3} {fault.name}: {whom}; and at once")
            time.sleep(world.chance.uniform(0, 1))
            continue
        time.sleep(0.2)  # until what was cut off has noticed
        world.wait_until_ready()
        ready = time.monotonic()
        figures.recovery += [ready - since for since in waiting]
        waiting.clear()
        say(f"{number:3} {fault.name}: {whom}; all ready after {ready - at:.1f} s")
        time.sleep(world.chance.uniform(0.5, 2.5))
    world.wait_until_ready()
    figures.recovery += [time.monotonic() - since for since in waiting]


def _settle_and_check(world: World, figures: Figures, say: Say) -> None:
    try:
        figures.settled_after = settle.settle(world)
        say(f"settled after {figures.settled_after:.1f} s; checking")
    except (NotRecovered, psycopg.Error) as failure:
        figures.findings.append(_why(world, failure))
    if world.platform.launcher.process.poll() is not None:
        return  # nobody is left to be asked, and that stands among the findings
    found = checks.check(world)
    figures.counts = found.counts
    figures.findings += found.findings


def _why(world: World, failure: Exception) -> str:
    """What failed; where `make run` itself has ended, that is it."""
    try:
        world.check_running()
    except NotRecovered as ended:
        return str(ended)
    return f"{type(failure).__name__}: {failure}"
