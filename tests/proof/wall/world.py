"""One running platform under attack: its addresses, databases and keys, and the one client that speaks to it."""

import importlib
import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import urllib3

from deploy.demo.stage import Stage
from shared.db import Database
from shared.keys import Keyring
from shared.settings import SERVICES
from tests.support.platform import Platform

# The tables of all services: rows are read by their models' own words on who owns them.
for _service in SERVICES:
    importlib.import_module(f"services.{_service}.models")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as bytes: nothing is decoded away before it has been searched."""

    status: int
    headers: str
    body: bytes

    @property
    def text(self) -> str:
        """Headers and body, to be searched."""
        return self.headers + "\n" + self.body.decode("utf-8", "replace")


@dataclass
class World:
    """The platform with the demo franchise. `dice` decide everything that is left to chance."""

    platform: Platform
    seed: int
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self._pool = urllib3.PoolManager(maxsize=4, retries=False, timeout=urllib3.Timeout(connect=10, read=120))

    @cached_property
    def stage(self) -> Stage:
        """The people of the demo franchise, quietly."""
        return Stage(self.platform.folder, lambda _: None).at(self.platform.url)

    @cached_property
    def databases(self) -> dict[str, Database]:
        """The application role's access to each service's database."""
        return {service: self.platform.database(service) for service in SERVICES}

    @property
    def organization(self) -> UUID:
        """The demo franchise."""
        return UUID(self.stage.ids["organization"])

    def keyring(self, signer: str) -> Keyring:
        """The keys of one service, its private one included."""
        return Keyring(self.platform.folder / "keys" / signer, signer)

    def address(self, service: str) -> str:
        """Where a service listens, past the door."""
        return f"http://127.0.0.1:{self.platform.state['ports'][service]}"

    def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """One request, as it is."""
        answer = self._pool.request(method, url, headers=headers, body=body, redirect=False)
        shown = "\n".join(f"{name}: {value}" for name, value in answer.headers.iteritems())
        return Answer(answer.status, shown, answer.data)

    def close(self) -> None:
        self._pool.clear()
        for database in self.databases.values():
            database.close()


def json_headers(bearer: str | None = None, **more: str) -> dict[str, str]:
    """Headers of an ordinary call."""
    said: dict[str, Any] = {"Accept": "application/json", **more}
    return {**said, "Authorization": f"Bearer {bearer}"} if bearer else said
