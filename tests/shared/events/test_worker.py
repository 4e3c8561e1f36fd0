"""Worker processes without a broker: killed, restarted, cut off from their database, and stopped politely."""

import random
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from shared.db import Database
from shared.outbox import Pending
from shared.settings import Settings
from shared.worker import HEAL_SECONDS, Worker
from tests.shared.events.parties import (
    Keeper,
    Process,
    brands,
    count,
    eventually,
    logged,
    parked,
    sequence_all,
    serving,
    tell,
    tell_all,
)
from tests.support.databases import Cluster

Make = Callable[..., Settings]


@pytest.fixture
def feed_url(settings_of: Make, publisher: Database, publisher_url: str) -> Iterator[str]:
    with serving(settings_of("procurement", publisher_url)) as url:
        yield url


@pytest.fixture
def start(settings_of: Make, feed_url: str) -> Iterator[Callable[[str, str], Process]]:
    """`start("billing", url)`: a worker process, killed at the end."""
    started: list[Process] = []

    def run(service: str, url: str) -> Process:
        started.append(Process(settings_of(service, url, peers={"procurement": feed_url})))
        return started[-1]

    yield run
    for process in started:
        process.kill()


@pytest.fixture
def relay(start: Callable[[str, str], Process], publisher_url: str) -> Process:
    return start("procurement", publisher_url)


@pytest.fixture
def books(start: Callable[[str, str], Process], consumer_url: str) -> Process:
    return start("billing", consumer_url)


def figure(process: Process, name: str) -> float:
    """The value of a metric, whatever its labels."""
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", process.ask("/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found[1])


def test_a_committed_fact_has_its_effect_within_moments(
    publisher: Database, consumer: Database, relay: Process, books: Process
) -> None:
    eventually(lambda: relay.ready() and books.ready())
    tell(publisher, "warm")
    eventually(lambda: brands(consumer) == ["warm"])
    started = time.monotonic()
    tell(publisher, "quick")
    eventually(lambda: brands(consumer) == ["warm", "quick"])
    assert time.monotonic() - started < 10
    assert figure(relay, "partywall_events_published_total") == 2
    assert figure(relay, "partywall_relay_is_leader") == 1
    assert figure(relay, "partywall_outbox_pending") == 0
    assert figure(books, "partywall_events_applied_total") == 2
    assert figure(books, "partywall_feed_lag") == 0


def test_nothing_is_lost_or_doubled_however_often_workers_are_killed(
    publisher: Database, consumer: Database, relay: Process, books: Process
) -> None:
    dice, names = random.Random(7), [f"v{n}" for n in range(600)]

    def write() -> None:
        for start in range(0, len(names), 3):
            tell_all(publisher, names[start : start + 3])
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(6):
        time.sleep(dice.uniform(0.7, 1.6))
        victim = dice.choice([relay, books, books])
        victim.kill()
        victim.start()
    writer.join()
    eventually(lambda: len(brands(consumer)) >= len(names))
    assert brands(consumer) == names
    assert [delivery.sequence for delivery in logged(publisher)] == list(range(1, 501))
    assert parked(consumer) == []


def test_an_event_that_kills_its_process_is_parked_and_the_rest_flows(
    publisher: Database, consumer: Database, books: Process
) -> None:
    tell_all(publisher, ["a", "kill", "b"])
    sequence_all(publisher)
    for _ in range(3):
        assert books.process.wait(90) == -9
        books.start()
    eventually(lambda: sorted(brands(consumer)) == ["a", "b"])
    assert [letter.status for letter in parked(consumer)] == ["parked"]
    eventually(lambda: figure(books, "partywall_events_parked") == 1)


def test_the_second_relay_stands_by_and_takes_over(
    publisher: Database, relay: Process, start: Callable[[str, str], Process], publisher_url: str
) -> None:
    eventually(lambda: relay.ready() and figure(relay, "partywall_relay_is_leader") == 1)
    second = start("procurement", publisher_url)
    eventually(second.ready)
    tell(publisher, "first")
    eventually(lambda: count(publisher, Pending) == 0)
    assert figure(second, "partywall_relay_is_leader") == 0
    relay.kill()
    tell(publisher, "second")
    eventually(lambda: count(publisher, Pending) == 0)
    assert figure(second, "partywall_relay_is_leader") == 1


def test_workers_survive_a_database_that_throws_everybody_out(
    publisher: Database,
    consumer: Database,
    relay: Process,
    books: Process,
    cluster: Cluster,
    publisher_url: str,
    consumer_url: str,
) -> None:
    eventually(lambda: relay.ready() and books.ready())
    names = [url.rsplit("/", 1)[1] for url in (publisher_url, consumer_url)]
    for database in (publisher, consumer):
        database.engine.dispose()  # the test's own pools must not trip over it
    for code in ("one", "two", "three"):
        with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = any(%s)", [names])
        eventually(lambda code=code: _told(publisher, code))  # type: ignore[misc]
    eventually(lambda: brands(consumer) == ["one", "two", "three"])
    eventually(lambda: relay.ready() and books.ready())
    assert (relay.process.poll(), books.process.poll()) == (None, None)


def _told(database: Database, code: str) -> bool:
    database.engine.dispose()
    tell(database, code)
    return True


def test_readiness_says_which_feed_does_not_answer(settings_of: Make, consumer_url: str) -> None:
    process = Process(settings_of("billing", consumer_url, peers={"procurement": "http://127.0.0.1:1"}))
    try:
        eventually(lambda: process.ask("/readyz")[0] == 503 and "feed of procurement" in process.ask("/readyz")[1])
        assert process.ask("/livez")[0] == 200
        assert process.ask("/elsewhere")[0] == 404
    finally:
        process.kill()


def test_a_polite_stop_finishes_the_batch_and_is_quick(
    publisher: Database, consumer: Database, relay: Process, books: Process
) -> None:
    eventually(lambda: relay.ready() and books.ready())
    tell_all(publisher, [f"v{n}" for n in range(400)])
    eventually(lambda: len(brands(consumer)) > 0)
    started = time.monotonic()
    assert (books.stop(), relay.stop()) == (0, 0)
    assert time.monotonic() - started < 45
    done = brands(consumer)
    assert done == [f"v{n}" for n in range(len(done))]


def test_a_worker_stays_small(relay: Process, books: Process) -> None:
    eventually(lambda: relay.ready() and books.ready())
    for process in (relay, books):
        resident = int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(process.process.pid)]))
        assert resident / 1024 < 120


def test_a_feed_that_answers_again_is_no_trouble_while_its_healing_pull_rests(
    settings_of: Make, feed_url: str, consumer_url: str
) -> None:
    peers = {"procurement": feed_url}
    worker = Worker(
        settings_of("billing", consumer_url, peers=peers, bus_url="amqp://127.0.0.1:1//"), Keeper().subscriber()
    )
    feed = next(loop for loop in worker.loops if loop.name == "feed of procurement")
    feed.trouble = "FeedUnavailable"
    worker.start()
    try:
        eventually(lambda: not feed.trouble, HEAL_SECONDS / 2)
    finally:
        assert worker.close()
