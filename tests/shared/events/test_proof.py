"""The daily walk of a service along its own event log, and what Prometheus is told of it."""

from collections.abc import Callable

import psycopg
import pytest
from prometheus_client import REGISTRY

from shared import chain, proof
from shared.db import Database
from tests.shared.events.parties import sequence_all, tell
from tests.support.databases import Cluster


@pytest.fixture
def logged(publisher: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A log of five events, read in pages of two."""
    monkeypatch.setattr(chain, "_PAGE", 2)
    for number in range(5):
        tell(publisher, f"brand {number}")
    sequence_all(publisher)
    return publisher


@pytest.fixture
def told() -> Callable[[str], float | None]:
    return lambda name: REGISTRY.get_sample_value(f"partywall_event_log_{name}", {"service": "procurement"})


def do(database: Database) -> int:
    """All steps of the chore; returns how many there were."""
    steps = 0
    for step in proof.chore("procurement").steps(database):
        step()
        steps += 1
    return steps


def test_a_whole_log_is_told_as_sound_page_by_page(logged: Database, told: Callable[[str], float | None]) -> None:
    assert do(logged) == 4
    assert (told("sound"), told("checked_events")) == (1, 5)
    assert (told("verified_timestamp_seconds") or 0) > 1.7e9


@pytest.mark.parametrize(
    ("tampering", "sound_events"),
    [
        ("update event_log set envelope = set_byte(envelope, 40, 65) where sequence = 4", 3),
        ("delete from event_log where sequence = 5", 4),
    ],
)
def test_a_log_that_was_tampered_with_is_told_as_broken_where_it_is(
    logged: Database,
    publisher_url: str,
    cluster: Cluster,
    told: Callable[[str], float | None],
    tampering: str,
    sound_events: int,
) -> None:
    with psycopg.connect(cluster.admin_url, dbname=publisher_url.rsplit("/", 1)[1]) as behind:
        behind.execute(tampering.encode())
    do(logged)
    assert (told("sound"), told("checked_events")) == (0, sound_events)


def test_a_step_that_fails_ends_the_walk_and_tells_nothing(
    logged: Database, told: Callable[[str], float | None]
) -> None:
    do(logged)
    before = told("verified_timestamp_seconds")
    assert len(list(proof.chore("procurement").steps(logged))) == 1  # a step not done is like one that failed
    assert told("verified_timestamp_seconds") == before
