"""A publisher that tells of vendors and a consumer that keeps a brand for each of them."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import urllib3
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from shared import feed
from shared.contracts.base import Envelope
from shared.contracts.billing import PatientAccountOpened
from shared.contracts.procurement import VendorRecorded
from shared.db import Database
from shared.delivery import Delivery
from shared.ids import new_id
from shared.inbox import Parked, Subscriber
from shared.outbox import Origin, emit
from shared.relay import Sequencer
from shared.settings import Settings
from shared.tenancy import Scope
from shared.web.app import create_app
from tests.shared.sample import SampleBrand
from tests.support.patience import until

ORGANIZATION = new_id()


def tell(database: Database, code: str, *, about: UUID | None = None, version: int = 1) -> UUID:
    """One committed fact of procurement; returns the vendor's id."""
    return tell_all(database, [code], about=about, version=version)[0]


def tell_all(database: Database, codes: list[str], *, about: UUID | None = None, version: int = 1) -> list[UUID]:
    """Several facts in one transaction."""
    keys = [about or new_id() for _ in codes]
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        session.info["origin"] = Origin("procurement", request_id="request-1", actor_id=new_id(), actor_kind="person")
        for code, key in zip(codes, keys, strict=True):
            row = SimpleNamespace(id=key, organization_id=ORGANIZATION, version=version)
            emit(session, VendorRecorded(vendor_id=key, code=code, name=f"Vendor {code}", status="active"), row)
    return keys


def tell_clinical(database: Database) -> None:
    """One committed fact of the clinical plane."""
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        session.info["origin"] = Origin("procurement", request_id="request-1")
        row = SimpleNamespace(id=new_id(), organization_id=ORGANIZATION)
        emit(session, PatientAccountOpened(account_id=row.id, number="A-1"), row)


def sequence_all(database: Database) -> None:
    sequencer = Sequencer(database)
    while sequencer.step():
        pass


def logged(database: Database) -> list[Delivery]:
    """Everything in the log, as a consumer would get it."""
    *_, bodies = feed.read(database, "gateway", 0)
    return [Delivery.read("procurement", body) for body in bodies]


@dataclass
class Keeper:
    """What the consumer does with a vendor: keeps a brand, or fails as told. `calls` are the codes it was asked for."""

    fails: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def keep(self, session: Session, envelope: Envelope, fact: VendorRecorded) -> None:
        self.calls.append(fact.code)
        if fact.code in self.fails:
            raise self.fails[fact.code]
        session.add(SampleBrand(organization_id=envelope.organizationid, name=fact.code))

    def subscriber(self, consumer: str = "billing") -> Subscriber:
        return Subscriber(consumer=consumer, handlers={VendorRecorded: self.keep}, publishers=("procurement",))


def brands(database: Database) -> list[str]:
    """What the consumer kept, in the order it was written."""
    with database.transaction(Scope.whole(ORGANIZATION)) as session:
        return list(session.scalars(select(SampleBrand.name).order_by(SampleBrand.id)))


def parked(database: Database) -> list[Parked]:
    with database.platform_transaction() as session:
        return list(session.scalars(select(Parked).order_by(Parked.sequence)))


def count(database: Database, model: Any) -> int:
    with database.platform_transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The feed of a service over real HTTP; yields its base URL."""
    app = create_app(settings, title="Feed", blueprints=[feed.blueprint()])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        app.extensions["partywall"].database.close()


def eventually(holds: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something holds, and fail when it does not in time."""
    assert until(holds, seconds, pause=0.02), "it did not happen in time"


class Process:
    """A worker in a process of its own."""

    def __init__(self, settings: Settings, **environment: str) -> None:
        self.ops_port = free_port()
        self._service = settings.service
        self._environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database_url,
            "KEYS_FOLDER": str(settings.keys_folder),
            "PEERS": ",".join(f"{name}={url}" for name, url in settings.peers.items()),
            "BUS_URL": settings.bus_url or "",
            "OPS_PORT": str(self.ops_port),
            "PYTHONWARNINGS": "error",
            **environment,
        }
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.shared.events.child", self._service]
        self.process = subprocess.Popen(command, env=self._environment)

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of the operations server; 0 while nothing answers."""
        try:
            with urllib3.PoolManager(retries=False) as pool:
                answer = pool.request("GET", f"http://127.0.0.1:{self.ops_port}{path}", timeout=5)
                return answer.status, answer.data.decode()
        except (urllib3.exceptions.HTTPError, OSError):
            return 0, ""

    def ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.terminate()
        return self.process.wait(90)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
