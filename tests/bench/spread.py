"""How two web workers share eight connections that clients keep, each time the server starts."""

import http.client
import threading
from collections import Counter
from pathlib import Path

from tests.bench.table import verdict
from tests.support.web import Web

HEADS = ("start", "connections of each worker", "mark", "met")
WORKERS, CONNECTIONS = 2, 8
MOST = CONNECTIONS // WORKERS + 2  # nobody has more than a fair share and two


def rows(folder: Path, starts: int) -> list[list[str]]:
    """A line for each start."""
    return [line(number, held(folder / str(number))) for number in range(1, starts + 1)]


def line(number: int, held: list[int]) -> list[str]:
    """What each worker held after one start, and whether that is fair."""
    over = [count for count in held if count > MOST]
    return [str(number), " + ".join(map(str, held)), f"<= {MOST}", verdict(over)]


def held(folder: Path) -> list[int]:
    """How many connections each worker holds when clients have connected at once, and all still ask; most first."""
    folder.mkdir()
    web = Web(folder, WEB_WORKERS=str(WORKERS), PROMETHEUS_MULTIPROC_DIR=str(folder / "metrics"))
    try:
        assert web.until(lambda: len({web.get("/count") for _ in range(20)}) == WORKERS, 120), (
            "a worker does not answer"
        )
        pids = _ask_together(web)
    finally:
        web.stop()
    counts = Counter(pids)
    return sorted(counts.values(), reverse=True) + [0] * (WORKERS - len(counts))


def _ask_together(web: Web) -> list[str]:
    """Whose process answers each of the connections, all of which are made at the same moment and kept."""
    together, pids = threading.Barrier(CONNECTIONS), list[str]()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
        together.wait()
        for _ in range(20):
            connection.request("GET", "/count")
            pid = connection.getresponse().read().decode()
        together.wait()  # nobody leaves before all have been answered
        pids.append(pid)
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return pids
