"""The web server's settings: a graceful stop, metrics of all workers, nothing written outside."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from deploy import web_worker

ROOT = Path(__file__).resolve().parents[2]
pool = urllib3.PoolManager(retries=False, timeout=20)


class Web:
    """Gunicorn with the project's settings, serving tests.platform.waiting_app."""

    def __init__(self, folder: Path, **settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as opened, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.ops_port = opened.getsockname()[1], other.getsockname()[1]
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        ports = {"PORT": str(self.port), "OPS_PORT": str(self.ops_port)}
        own = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-W", "error", "-m", "gunicorn", "-c", "python:deploy.gunicorn_conf"]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "tests.platform.waiting_app:app"],
                cwd=ROOT, env={**own, **ports, **settings}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        assert self.until(lambda: self.get("/count") != ""), (folder / "log").read_text()

    def get(self, path: str, port: int | None = None) -> str:
        """The body of an answer on a connection of its own; empty where nobody answers."""
        try:
            url = f"http://127.0.0.1:{port or self.port}{path}"
            return pool.request("GET", url, headers={"Connection": "close"}).data.decode()
        except urllib3.exceptions.HTTPError:
            return ""

    def counted(self) -> float:
        """How many requests the metrics tell of."""
        found = re.search(
            r'partywall_http_requests_total\{[^}]*route="/count"[^}]*\} ([0-9.]+)', self.get("/metrics", self.ops_port)
        )
        return float(found.group(1)) if found else 0

    def until(self, true: Callable[[], bool], seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while not true() and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.1)
        return self.process.poll() is None and true()

    def stop(self) -> float:
        """Ask it to stop; returns the seconds it took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - began


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Web]]:
    started: list[Web] = []

    def make(**settings: str) -> Web:
        started.append(Web(tmp_path, **settings))
        return started[-1]

    yield make
    for web in started:
        if web.process.poll() is None:
            os.killpg(web.process.pid, signal.SIGKILL)
            web.process.wait()


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
    assert web.until(lambda: web.get("/count") not in ("", *held))  # who takes its place starts with none, and accepts
    for connection in connections:
        connection.close()


def test_connections_that_wait_for_their_client_keep_nobody_from_an_answer(start: Callable[..., Web]) -> None:
    web = start(THREADS="2")
    connections = kept_alive(web, 20)
    for _ in range(3):
        assert len(set(map(ask, connections))) == 1
    for connection in connections:
        connection.close()
    assert web.stop() < 10
