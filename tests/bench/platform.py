"""The platform under measurement, started as `make run` starts it, with a home of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psycopg

from deploy.databases import login_url, name_of
from deploy.local.instance import ROOT
from shared.db import Database
from shared.tenancy import OWNER
from tests.bench import processes

HOME = ROOT / ".partywall" / "bench"
_PATIENCE = 300.0
_READY = "Ctrl-C stops the platform"


class NotRunning(Exception):
    """The platform did not start; the message is what it said."""


class Platform:
    """One start of the platform in `home`; `with` stops it, and waits until it is down."""

    def __init__(self, home: Path = HOME) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self._said = home, home / "said.log"
        began = time.monotonic()
        with self._said.open("wb") as said:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run"],
                cwd=ROOT, env={**os.environ, "PARTYWALL_HOME": str(home)},
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait_until_ready()
            self.ready_after = time.monotonic() - began
            self.state: dict[str, Any] = json.loads((home / "1" / "state.json").read_text())
            self._postgres = self._postmaster()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The gateway's address."""
        return str(self.state["gateway"])

    @property
    def port(self) -> int:
        return int(urlsplit(self.url).port or 0)

    @property
    def folder(self) -> Path:
        """Where the demo franchise left what it made."""
        return Path(self.state["folder"])

    def database_url(self, service: str) -> str:
        """The application role's libpq URL of a service's database."""
        return str(self.state["settings"]["DATABASE_URL"]).replace("{service}", service)

    def owner_url(self, service: str) -> str:
        """The owner's libpq URL of a service's database: for tables of the benchmark's own."""
        secret = json.loads((self.folder / "secrets.json").read_text())["owner"]
        return login_url(self.database_url(service), OWNER, secret, name_of(service))

    def database(self, service: str) -> Database:
        """The library's own access to a service's database; close it."""
        return Database(self.database_url(service), pool_size=2)

    def cpu_seconds(self) -> float:
        """Processor time so far of every process of the platform, PostgreSQL included."""
        return processes.cpu_seconds([*self.state["pids"].values(), self._postgres])

    def memory(self) -> dict[str, float]:
        """Resident MiB by process; of a web server's processes the largest."""
        return {
            name: max(usage.rss for usage in processes.tree(pid)) / 2**20 for name, pid in self.state["pids"].items()
        }

    def stop(self) -> None:
        """Ctrl-C, and wait."""
        if self._launcher.poll() is None:
            self._launcher.send_signal(signal.SIGINT)
        self._launcher.wait(90)

    def __enter__(self) -> "Platform":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while _READY not in self._said.read_text():
            if self._launcher.poll() is not None or time.monotonic() > deadline:
                raise NotRunning(self._said.read_text())
            time.sleep(0.05)

    def _postmaster(self) -> int:
        """The process id of the server, where it runs on this machine: every backend is its child."""
        with psycopg.connect(self.database_url("gateway")) as connection:
            row = connection.execute("select pg_backend_pid()").fetchone()
            assert row is not None
            return next((usage.parent for usage in processes.tree(row[0])), row[0])


def clear(home: Path = HOME) -> None:
    """Forget what an earlier run left in `home`; whatever else is there stays."""
    shutil.rmtree(home / "1", ignore_errors=True)
