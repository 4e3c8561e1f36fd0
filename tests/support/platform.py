"""A platform of a test's own, started as `make run` starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import make_conninfo

from deploy.databases import login_url, name_of
from deploy.local.instance import ROOT
from shared.db import Database
from shared.tenancy import OWNER
from tests.support import processes

PATIENCE = 300.0  # seconds; a busy machine has other things to do


class Launcher:
    """`python -m deploy.local run` with its files in `home`; `said` is what its terminal shows.

    Of the environment only what a program needs to start is passed on, and `settings`.
    """

    def __init__(self, home: Path, name: str, **settings: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self._log = home, home / f"{name}.said"
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.environment = {**kept, "PARTYWALL_HOME": str(home), **settings}
        with self._log.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run"],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, words: str) -> "Launcher":
        """Until it says `words`; fails with all it said when it ends instead."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return self

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code. Safe to repeat."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def state(self, number: int = 1) -> dict[str, Any]:
        """What the launcher notes of the running platform: its processes, their settings, its folder."""
        return dict(json.loads((self.home / str(number) / "state.json").read_text()))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command beside it."""
        command = [sys.executable, "-m", "deploy.local", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)


class Platform:
    """One start of the platform with its demo franchise in `home`; `with` stops it, and waits until it is down."""

    def __init__(self, home: Path, **settings: str) -> None:
        began = time.monotonic()
        self.launcher = Launcher(home, "platform", **settings)
        try:
            self.launcher.wait_for("Ctrl-C stops the platform")
            self.ready_after = time.monotonic() - began
            self.state = self.launcher.state()
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

    def admin_url(self, service: str) -> str:
        """The superuser's libpq URL of a service's database: whom no policy of a row binds."""
        if given := self.launcher.environment.get("POSTGRES_ADMIN_URL"):
            return make_conninfo(given, dbname=name_of(service))
        password = (self.folder / "postgres" / "password").read_text()
        return login_url(self.database_url(service), "postgres", password, name_of(service))

    def database(self, service: str) -> Database:
        """The library's own access to a service's database; close it."""
        return Database(self.database_url(service), pool_size=2)

    def cpu_seconds(self) -> float:
        """Processor time so far of every process of the platform, PostgreSQL included."""
        return processes.cpu_seconds([*self.state["pids"].values(), self._postgres])

    def database_cpu_seconds(self) -> float:
        """Processor time so far of PostgreSQL alone."""
        return processes.cpu_seconds([self._postgres])

    def memory(self) -> dict[str, float]:
        """Resident MiB by process; of a web server's processes the largest."""
        return {
            name: max(usage.rss for usage in processes.tree(pid)) / 2**20 for name, pid in self.state["pids"].items()
        }

    def stop(self) -> None:
        """Ctrl-C, and wait."""
        self.launcher.interrupt()

    def __enter__(self) -> "Platform":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _postmaster(self) -> int:
        """The process id of the server, where it runs on this machine: every backend is its child."""
        with psycopg.connect(self.database_url("gateway")) as connection:
            row = connection.execute("select pg_backend_pid()").fetchone()
            assert row is not None
            return next((usage.parent for usage in processes.tree(row[0])), row[0])
