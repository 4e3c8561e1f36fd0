"""The end of the log in memory: read once for all, right whatever happens to the log."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from shared.db import Database
from shared.feed_client import FeedClient
from shared.keys import Keyring
from shared.outbox import LOG_CHANNEL
from shared.settings import Settings
from shared.tail import KEPT, Tail
from shared.wakeup import Wakeup
from tests.shared.events.parties import eventually, logged, sequence_all, serving, tell, tell_all, tell_clinical
from tests.support.databases import Cluster


class Counting(Database):
    """Counts the looks at the log."""

    looks = 0

    def look(self, query: str, **numbers: int) -> list[Any]:
        self.looks += 1
        return super().look(query, **numbers)


@pytest.fixture
def counting(publisher_url: str) -> Iterator[Counting]:
    made = Counting(publisher_url)
    yield made
    made.close()


@pytest.fixture
def bell(publisher_url: str) -> Iterator[Wakeup]:
    """One that listens."""
    made = Wakeup(publisher_url, LOG_CHANNEL)
    made.mark(LOG_CHANNEL)
    eventually(lambda: made.listening)
    yield made
    made.close()


def after(tail: Tail, sequence: int, bell: Wakeup) -> list[int] | None:
    """The sequences of what follows."""
    found = tail.after(sequence, bell.mark(LOG_CHANNEL))
    return None if found is None else [event.sequence for event in found[2]]


def test_one_look_serves_all_who_wait(publisher: Database, counting: Counting, bell: Wakeup) -> None:
    tell(publisher, "first")
    sequence_all(publisher)
    tail = Tail(counting, bell)
    eventually(lambda: after(tail, 1, bell) == [])
    before, looks = bell.mark(LOG_CHANNEL), counting.looks
    tell_all(publisher, ["second", "third"])
    sequence_all(publisher)
    eventually(lambda: bell.mark(LOG_CHANNEL) > before)
    assert [after(tail, sequence, bell) for sequence in (1, 2, 3)] == [[2, 3], [3], []]
    assert 1 <= counting.looks - looks <= 2  # the second when a ring came late


def test_what_is_given_is_what_is_stored(publisher: Database, bell: Wakeup) -> None:
    tail = Tail(publisher, bell)
    tail.after(0, bell.mark(LOG_CHANNEL))
    tell_all(publisher, ["a", "b"])
    sequence_all(publisher)
    eventually(lambda: after(tail, 0, bell) in ([1, 2], None))
    tell(publisher, "c")
    sequence_all(publisher)
    eventually(lambda: after(tail, 2, bell) == [3])
    found = tail.after(2, bell.mark(LOG_CHANNEL))
    assert found is not None
    assert [event.body for event in found[2]] == [logged(publisher)[2].body]
    assert found[0] == 3


def test_who_is_further_behind_than_it_reaches_is_sent_to_the_table(publisher: Database, bell: Wakeup) -> None:
    tell(publisher, "first")
    sequence_all(publisher)
    tail = Tail(publisher, bell)
    eventually(lambda: after(tail, 1, bell) == [])
    assert after(tail, 0, bell) is None
    tell_all(publisher, [f"v{n}" for n in range(KEPT + 10)])
    sequence_all(publisher)
    eventually(lambda: after(tail, KEPT + 11, bell) == [])
    assert after(tail, 1, bell) is None


def test_without_a_bell_it_looks_each_time(publisher: Database, publisher_url: str) -> None:
    silent = Wakeup(publisher_url, LOG_CHANNEL, notify=False)
    tail = Tail(publisher, silent)
    assert after(tail, 0, silent) == []
    tell(publisher, "a")
    sequence_all(publisher)
    assert after(tail, 1, silent) == []
    tell(publisher, "b")
    sequence_all(publisher)
    assert after(tail, 1, silent) == [2]


def test_a_log_that_is_another_one_now_is_begun_anew(publisher: Database, publisher_url: str, cluster: Cluster) -> None:
    silent = Wakeup(publisher_url, LOG_CHANNEL, notify=False)
    tail = Tail(publisher, silent)
    tell_all(publisher, ["a", "b", "c"])
    sequence_all(publisher)
    assert after(tail, 3, silent) == []
    with psycopg.connect(cluster.url(publisher_url.rsplit("/", 1)[1], "admin"), autocommit=True) as admin:
        admin.execute("truncate event_log")
        admin.execute("update relay_cursor set sequenced = 0, hash = %s", [bytes(32)])
    tell_all(publisher, ["x", "y", "z", "new"])
    sequence_all(publisher)
    assert after(tail, 3, silent) is None
    assert after(tail, 4, silent) == []


def test_the_business_side_is_not_served_a_clinical_fact_from_memory(
    publisher: Database, publisher_url: str, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of("procurement", publisher_url)
    with serving(settings) as url:
        clients = {
            name: FeedClient(Keyring(settings.keys_folder, name), name, {"procurement": url})
            for name in ("hr", "billing")
        }
        for client in clients.values():
            assert client.pull("procurement", 0).events == []
        tell(publisher, "seen")
        tell_clinical(publisher)
        tell(publisher, "too")
        sequence_all(publisher)
        eventually(lambda: clients["hr"].pull("procurement", 0).head == 3)
        heard = {name: client.pull("procurement", 0) for name, client in clients.items()}
        assert [len(heard[name].events) for name in ("hr", "billing")] == [2, 3]
        assert heard["hr"].upto == heard["billing"].upto == 3
        first = clients["hr"].pull("procurement", 0, limit=1)
        second = clients["hr"].pull("procurement", first.upto, limit=1)
        assert (first.upto, second.upto) == (1, 3)
        for client in clients.values():
            client.close()
