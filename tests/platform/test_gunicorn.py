"""The web server's settings: a graceful stop, metrics of all workers, nothing written outside."""

import http.client
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import web_worker
from shared.web.operations import HEADER
from tests.support.web import Web, pool


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Web]]:
    started: list[Web] = []

    def make(**settings: str) -> Web:
        started.append(Web(tmp_path, **settings))
        return started[-1]

    yield make
    for web in started:
        web.kill()


def test_a_stop_ends_long_polls_at_once_and_lets_requests_finish(start: Callable[..., Web]) -> None:
    web = start()
    answers: dict[str, str] = {}
    threads = [threading.Thread(target=lambda p=p: answers.update({p: web.get(p)})) for p in ("/poll", "/slow")]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    took = web.stop()
    for thread in threads:
        thread.join()
    assert answers["/slow"] == "done"
    assert 0.3 <= float(answers["/poll"]) < 10
    assert took < 10
    assert web.process.returncode == 0


def test_metrics_add_up_over_the_workers_and_outlive_one(start: Callable[..., Web], tmp_path: Path) -> None:
    web = start(WEB_WORKERS="2", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"))
    assert web.until(lambda: web.get("/metrics", web.ops_port) != "")
    before, pids, asked = web.counted(), set[str](), 0
    while len(pids) < 2 and asked < 200:
        pids.add(web.get("/count"))
        asked += 1
    assert len(pids) == 2
    assert web.counted() == before + asked
    for pid in pids:  # whichever serves the metrics, another takes over, and nothing is forgotten
        os.kill(int(pid), signal.SIGKILL)
        assert web.until(lambda: web.counted() == before + asked)
    # A worker that was forked a moment ago does not hear SIGTERM yet, and is waited for: let both newcomers work.
    came = set[str]()

    def both_came() -> bool:
        came.add(web.get("/count"))
        return len(came - pids - {""}) == 2

    assert web.until(both_came)
    assert web.stop() < 10


def test_what_an_earlier_life_counted_is_gone_after_a_restart(start: Callable[..., Web], tmp_path: Path) -> None:
    settings = {"WEB_WORKERS": "2", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    web = start(**settings)
    for _ in range(5):
        web.get("/count")
    assert web.until(lambda: web.counted() >= 6)
    web.stop()
    again = start(**settings)
    assert again.until(lambda: 1 <= again.counted() < 6)


def test_nothing_is_written_into_the_home_folder(start: Callable[..., Web], tmp_path: Path) -> None:
    web = start()
    assert web.get("/count") == web.get("/count")
    web.stop()
    assert list((tmp_path / "home").iterdir()) == []


def test_what_the_server_itself_cannot_read_is_refused_with_a_problem_document(start: Callable[..., Web]) -> None:
    web = start()
    for path, headers, status in (("/" + "x" * 9000, {}, 414), ("/count", {"X-Long": "x" * 70_000}, 431)):
        answer = pool.request("GET", f"http://127.0.0.1:{web.port}{path}", headers={"Connection": "close", **headers})
        assert answer.headers["Content-Type"] == "application/problem+json", answer.data
        document = answer.json()
        assert (answer.status, document["status"]) == (status, status)
        assert document["type"].startswith("/docs/problems#") and document["title"]


@pytest.mark.parametrize(("service", "status"), [("gateway", 431), ("hr", 200)])
def test_the_token_of_a_scope_of_a_thousand_sites_reaches_a_service_and_no_stranger_sends_the_like(
    start: Callable[..., Web], service: str, status: int
) -> None:
    token = "x" * 55_000
    url = f"http://127.0.0.1:{start(SERVICE=service).port}/count"
    assert pool.request("GET", url, headers={HEADER: token}).status == status


def kept_alive(web: Web, connections: int) -> list[http.client.HTTPConnection]:
    """So many connections, all open at once, each of which has asked something."""
    made = []
    for _ in range(connections):
        made.append(http.client.HTTPConnection("127.0.0.1", web.port, timeout=20))
        ask(made[-1])
    return made


def ask(connection: http.client.HTTPConnection) -> str:
    """Whose process answers on this connection."""
    connection.request("GET", "/count")
    return connection.getresponse().read().decode()


def test_workers_share_the_connections(start: Callable[..., Web], tmp_path: Path) -> None:
    web = start(WEB_WORKERS="3", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"))
    connections = kept_alive(web, 18)
    held = Counter(map(ask, connections))
    assert len(held) == 3
    assert max(held.values()) - min(held.values()) <= web_worker.AHEAD + 1
    dead = held.most_common(1)[0][0]
    os.kill(int(dead), signal.SIGKILL)
    # Who takes its place starts with none, and accepts.
    answered: Counter[str] = Counter()

    def by_a_newcomer() -> bool:
        who = web.get("/count")
        answered[who] += 1
        return who not in ("", *held)

    came = web.until(by_a_newcomer, seconds=120)
    for connection in connections:
        connection.close()
    seen = f"{dead} of {held} was killed, then answered {answered}; {subprocess.getoutput('ps -o pid,ppid,stat,args')}"
    assert came, f"{seen}\n{(tmp_path / 'log').read_text()}"


def test_connections_that_wait_for_their_client_keep_nobody_from_an_answer(start: Callable[..., Web]) -> None:
    web = start(THREADS="2")
    connections = kept_alive(web, 20)
    for _ in range(3):
        assert len(set(map(ask, connections))) == 1
    for connection in connections:
        connection.close()
    assert web.stop() < 10
