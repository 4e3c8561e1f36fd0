"""A Prometheus of a test's own: our configuration and rules, scraping every two seconds."""

import json
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError

from deploy.local import prometheus
from tests.ops.observed import Json, http
from tests.support.patience import until

PATIENCE = 120.0  # seconds; a busy machine has other things to do


class Watcher:
    """It runs from `with` on, on an address of this machine only."""

    def __init__(self, program: str, folder: Path, ops_ports: Mapping[str, int]) -> None:
        settings = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"}
        config = prometheus.write(folder, ops_ports, **settings)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._url, self._log = f"http://{address}/api/v1", folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(prometheus.command(program, config, address), stdout=log, stderr=log)

    def ask(self, what: str, **parameters: str) -> Json:
        """An answer of its API; fails with its words where it refuses."""
        answer = json.loads(http.request("GET", f"{self._url}/{what}?{urlencode(parameters)}").data)
        assert answer["status"] == "success", answer
        data: Json = answer["data"]
        return data

    def series(self, expr: str) -> list[Json]:
        """What an expression gives now."""
        found: list[Json] = self.ask("query", query=expr)["result"]
        return found

    def until(self, true: Callable[[], bool]) -> bool:
        """Ask again and again until it is true, or patience ends."""
        return until(true, PATIENCE, pause=0.5)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return http.request("GET", f"{self._url}/status/runtimeinfo").status == 200
        except HTTPError:
            return False

    def __enter__(self) -> "Watcher":
        try:
            assert self.until(self._answers), self._log.read_text()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
