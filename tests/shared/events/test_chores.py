"""What a service does once a day: by one process, on each day, whatever fails on the way."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from shared import chores
from shared.chores import Chore, Daily, Step
from shared.clock import frozen
from shared.db import Database
from shared.loop import Loop
from tests.shared.events.parties import eventually


@dataclass
class Round:
    """A chore of three steps that notes what it did, and fails as told."""

    done: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)

    def steps(self, database: Database) -> Iterable[Step]:
        for name in ("ann", "bea", "cho"):
            yield lambda name=name: self.visit(name)  # type: ignore[misc]

    def visit(self, name: str) -> None:
        if name in self.fails:
            raise self.fails[name]
        self.done.append(name)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def worker(publisher: Database, publisher_url: str, stop: threading.Event) -> Iterator[Callable[[Round], Daily]]:
    """`worker(round)`: a process of the service that has this to do from 12 o'clock on."""
    made: list[Daily] = []

    def make(its: Round) -> Daily:
        made.append(Daily(Chore("round", its.steps, hour=12), publisher, stop, publisher_url))
        return made[-1]

    yield make
    for daily in made:
        daily.release()


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, 30, tzinfo=UTC)


def test_it_is_done_at_the_start_and_then_once_a_day_after_its_hour(worker: Callable[[Round], Daily]) -> None:
    its = Round()
    daily = worker(its)
    rounds = []
    for moment in (at(22, 9), at(22, 11), at(22, 12), at(23, 11), at(23, 12), at(23, 13)):
        with frozen(moment):
            daily.step()
        rounds.append(len(its.done) // 3)
    assert rounds == [1, 1, 2, 2, 3, 3]
    assert its.done[:3] == ["ann", "bea", "cho"]


def test_one_of_two_processes_does_it_and_the_other_takes_over(worker: Callable[[Round], Daily]) -> None:
    leads, stands_by = Round(), Round()
    first, second = worker(leads), worker(stands_by)
    for day in (22, 23):
        with frozen(at(day, 13)):
            first.step()
            second.step()
    assert (len(leads.done), stands_by.done) == (6, [])
    first.release()
    with frozen(at(23, 13)):
        second.step()
    assert len(stands_by.done) == 3


def test_a_failure_keeps_nobody_else_from_their_turn_and_is_tried_again_in_an_hour(
    worker: Callable[[Round], Daily], monkeypatch: pytest.MonkeyPatch
) -> None:
    its = Round(fails={"bea": ValueError("no")})
    daily = worker(its)
    daily.step()
    assert its.done == ["ann", "cho"]
    its.fails.clear()
    daily.step()
    assert its.done == ["ann", "cho"]
    soon = time.monotonic() + chores.AGAIN_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: soon)
    daily.step()
    assert its.done == ["ann", "cho", "ann", "bea", "cho"]


def test_it_waits_for_a_database_that_is_away_and_says_that_it_is_alive(
    worker: Callable[[Round], Daily], stop: threading.Event
) -> None:
    its = Round(fails={"bea": OperationalError("select", {}, psycopg.OperationalError("gone"))})
    daily = worker(its)
    loop = Loop("round", daily.step, stop, after_error=daily.release)
    beats: list[str] = []
    daily.beat = lambda: beats.append("beat")
    loop.start()
    eventually(lambda: loop.trouble == "OperationalError")
    its.fails.clear()
    eventually(lambda: its.done[-3:] == ["ann", "bea", "cho"] and loop.trouble == "")
    stop.set()
    loop.join(10)
    assert not loop.is_alive() and loop.crashed is None
    assert len(beats) == len(its.done)


def test_a_stopping_process_leaves_the_rest_to_the_next_one(
    worker: Callable[[Round], Daily], stop: threading.Event
) -> None:
    its = Round()
    daily = worker(its)
    daily.beat = stop.set
    daily.step()
    assert its.done == ["ann"]
