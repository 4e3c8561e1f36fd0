"""A worker's operations port keeps quiet about impatient callers, and says only where its own faults are."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3
from prometheus_client import REGISTRY

from shared.ops import Faults, serve_ops

http = urllib3.PoolManager(retries=False, timeout=10)
Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(measure=...)`: the port of a server that is closed at the end, after it answered everybody."""
    servers = []

    def start(dead: Faults = dict, measure: Callable[[], None] = lambda: None) -> int:
        servers.append(serve_ops("127.0.0.1", 0, dead, dict, measure))
        return int(servers[-1].server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def wait_for_answers() -> Callable[[], None]:
    """Wait until every request that came since the test began is answered; servers of other tests may still listen."""
    before = set(threading.enumerate())

    def wait() -> None:
        for thread in set(threading.enumerate()) - before:
            if "process_request_thread" in thread.name:
                thread.join(10)
                assert not thread.is_alive()

    return wait


def test_a_scraper_that_hangs_up_leaves_no_trace(
    serve: Serve, wait_for_answers: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    asked, gone = threading.Event(), threading.Event()

    def measure() -> None:
        asked.set()
        assert gone.wait(10)

    with socket.create_connection(("127.0.0.1", serve(measure=measure))) as scraper:
        scraper.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert asked.wait(10)
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not a polite end
    gone.set()
    wait_for_answers()
    assert capfd.readouterr().err == ""


def test_a_fault_of_our_own_is_logged_without_its_words(
    serve: Serve, wait_for_answers: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    def dead() -> dict[str, str]:
        raise ValueError("Ann Example")

    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", f"http://127.0.0.1:{serve(dead)}/livez")
    wait_for_answers()
    logged = capfd.readouterr().err
    assert '"error_class": "ValueError"' in logged
    assert "Ann" not in logged and "Traceback" not in logged


def test_a_scrape_whose_gauges_are_old_is_counted_and_answered(serve: Serve) -> None:
    def measure() -> None:
        raise ConnectionError

    port = serve(measure=measure)
    before = REGISTRY.get_sample_value("partywall_stale_scrapes_total") or 0
    shown = http.request("GET", f"http://127.0.0.1:{port}/metrics")
    assert shown.status == 200
    assert f"partywall_stale_scrapes_total {before + 1}" in shown.data.decode()
