"""A platform under test with everything that can be done to it, started by the harness and by nobody else."""

import json
import random
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deploy.demo.stage import Stage
from shared.settings import SERVICES
from tests.proof.faults.asking import Journal
from tests.proof.faults.own_broker import OwnBroker
from tests.proof.faults.own_database import OwnDatabase
from tests.proof.faults.seams import Seams
from tests.proof.faults.victims import Victims
from tests.support.platform import Platform

RECOVERY_SECONDS = 180.0
_KILLS_A_MINUTE = 2  # of one process: beyond that a launcher may rightly think that it cannot run


class NotRecovered(Exception):
    """The platform did not come back."""


class World:
    """`with World(home, seed, broker=...)`: own database and broker where there is a broker, `make run` alone without.

    `broker` is the folder of RabbitMQ's programs.
    """

    def __init__(self, home: Path, seed: int, broker: Path | None, **settings: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.chance = home, random.Random(seed)
        self.seams = Seams(home / "faults.json")
        self.database = OwnDatabase(home / "postgres") if broker else None
        self.broker: OwnBroker | None = None
        self._settings = {**settings, **self.seams.settings}
        self._killed_at: dict[str, list[float]] = {}
        self.spared_at = 0.0  # when the last wait for a victim ended
        try:
            self._serve(broker)
            self.platform = Platform(home, **self._settings)
        except BaseException:
            self._stop_servers()
            raise
        self.victims = self._look()
        self.journal = Journal(self.platform.url)

    def _serve(self, broker: Path | None) -> None:
        if broker and self.database:
            self.broker = OwnBroker(broker, self.home / "rabbitmq")
            self._settings |= {"POSTGRES_ADMIN_URL": self.database.url, "BUS_URL": self.broker.url}

    def _look(self) -> Victims:
        return Victims(self.platform.launcher.process.pid, self.platform.state["ports"])

    def stage(self) -> Stage:
        """A stage of its own for one thread: its people sign in by themselves."""
        return Stage(self.platform.folder, lambda _: None).at(self.platform.url)

    def relaunch(self) -> None:
        """`make run` killed and started again on what it left."""
        launcher = self.platform.launcher.process
        launcher.kill()
        launcher.wait()
        self.platform = Platform(self.home, **self._settings)
        self.victims, self.journal.url = self._look(), self.platform.url

    def spare(self, names: list[str]) -> str:
        """One of `names` that was not killed too often within the last minute; waits for one."""
        while True:
            moment = time.monotonic()
            fit = [name for name in names if len(self._recent(name, moment)) < _KILLS_A_MINUTE]
            if fit:
                name = self.chance.choice(fit)
                self._killed_at[name] = [*self._recent(name, moment), moment]
                self.spared_at = moment
                return name
            self.check_running()
            time.sleep(0.5)

    def _recent(self, name: str, moment: float) -> list[float]:
        return [at for at in self._killed_at.get(name, []) if moment - at < 60]

    def check_running(self) -> None:
        """Raises NotRecovered where `make run` itself has given up."""
        if self.platform.launcher.process.poll() is not None:
            raise NotRecovered(f"make run ended:\n{self.platform.launcher.said[-3000:]}")

    def wait_until_ready(self) -> None:
        """Until every process says that it can work. Raises NotRecovered."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while unready := self.victims.unready():
            self.check_running()
            if time.monotonic() > deadline:
                raise NotRecovered(f"not ready after {RECOVERY_SECONDS:.0f} s: {', '.join(unready)}")
            time.sleep(0.1)

    def connect(self, service: str) -> psycopg.Connection[dict[str, Any]]:
        """A connection of the superuser that commits each statement."""
        return psycopg.connect(
            self.platform.admin_url(service), autocommit=True, connect_timeout=10, row_factory=dict_row
        )

    def ask(self, service: str, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a service's database."""
        with self.connect(service) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def ask_all(self, query: str, **values: Any) -> dict[str, list[dict[str, Any]]]:
        """The same of every service."""
        return {service: self.ask(service, query, **values) for service in SERVICES}

    def __enter__(self) -> "World":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.platform.stop()
        finally:
            self._stop_servers()

    def _stop_servers(self) -> None:
        if self.broker:
            self.broker.stop()
        if self.database:
            self.database.stop()


def pretty(thing: Any) -> str:
    """A value in a line of a finding."""
    return json.dumps(thing, default=str)[:400]
