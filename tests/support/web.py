"""Gunicorn alone, with the project's settings, before a small app."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import urllib3

from deploy.local.instance import ROOT
from tests.support.patience import until

pool = urllib3.PoolManager(retries=False, timeout=20)


class Web:
    """Gunicorn with the project's settings, serving tests.platform.waiting_app unless `app` says what.

    It is there as soon as something answers at `ready`.
    """

    def __init__(
        self, folder: Path, *, app: str = "tests.platform.waiting_app:app", ready: str = "/count", **settings: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as opened, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.ops_port = opened.getsockname()[1], other.getsockname()[1]
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        ports = {"PORT": str(self.port), "OPS_PORT": str(self.ops_port)}
        own = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-W", "error", "-m", "gunicorn", "-c", "python:deploy.gunicorn_conf"]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, app],
                cwd=ROOT, env={**own, **ports, **settings}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        assert self.until(lambda: self.get(ready) != ""), (folder / "log").read_text()

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
        """Whether it came true while the server runs; once is enough, it need not stay so."""
        ended = self.process.poll
        return until(lambda: true() or ended() is not None, seconds, pause=0.1) and ended() is None

    def stop(self) -> float:
        """Ask it to stop; returns the seconds it took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - began

    def kill(self) -> None:
        """End it and its workers at once, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
