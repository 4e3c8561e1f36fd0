"""A database that goes away: requests fail cleanly, then work again, in the same process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy import databases
from deploy.local import postgres
from deploy.local.postgres import Server
from services.gateway import bootstrap
from services.gateway.sessions import tokens
from services.gateway.sessions.models import LONGEST, SignedIn
from services.procurement.app import create
from shared import migrate
from shared.clock import now
from shared.db import Database
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Origin
from shared.settings import Settings
from shared.tenancy import APP, OWNER, Scope
from tests.support import processes
from tests.support.callers import Caller
from tests.support.web import Web, pool


class Restarted:
    """A PostgreSQL that stops, and starts again at the same place."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._server: Server = postgres.start(data)
        databases.provision(self._server.url(), "owner", "app")

    def url(self, service: str) -> str:
        """The application's URL of a service's migrated database."""
        name = databases.name_of(service)
        migrate.upgrade(service, databases.login_url(self._server.url(), OWNER, "owner", name))
        return databases.login_url(self._server.url(), APP, "app", name)

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server = postgres.start(self._data, port=self._server.port)


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Restarted]:
    server = Restarted(tmp_path / "postgres")
    yield server
    server.stop()


def test_requests_fail_cleanly_while_the_database_is_down_and_recover_without_a_restart(
    restarted: Restarted, keys_folder: Path, gateway_keys: Keyring
) -> None:
    settings = Settings(
        "procurement", restarted.url("procurement"), None, None, keys_folder, {}, "127.0.0.1", 0, 0, 8, 1, 100_000,
        "WARNING", True,
    )  # fmt: skip
    app = create(settings)
    scope = Scope(new_id(), "location", (new_id(),), (new_id(),))
    caller = Caller(app, gateway_keys, scope, frozenset({"location_manager"}))
    buyer = caller.but(scope=Scope(scope.organization_id, "organization"), roles=frozenset({"network_buyer"}))
    vendor: dict[str, Any] = {"json": {"code": "ACME", "name": "Acme"}, "headers": {"Idempotency-Key": "once"}}
    try:
        assert caller.get("/orders").status_code == 200
        restarted.stop()
        refused = buyer.post("/vendors", **vendor)
        assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
        down = caller.get("/orders")
        assert (down.status_code, down.mimetype) == (503, "application/problem+json")
        assert down.headers["Retry-After"]
        assert app.test_client().get("/readyz").status_code == 503
        assert app.test_client().get("/livez").status_code == 200
        restarted.start()
        assert caller.get("/orders").status_code == 200
        assert buyer.post("/vendors", **vendor).status_code == 201
        assert [row["code"] for row in caller.get("/vendors").json["items"]] == ["ACME"]
        assert app.test_client().get("/readyz").status_code == 200
    finally:
        app.extensions["partywall"].database.close()


def administrator(url: str, keys: Keyring) -> str:
    """An access token of the first administrator of a new organization."""
    database = Database(url, pool_size=1)
    made = bootstrap.organization(
        database, Origin(service="gateway", request_id="test"), slug="lumina", name="Lumina", currency="USD",
        email="ada@lumina.example", admin_name="Ada",
    )  # fmt: skip
    at = now()  # a session that is older than its password is over
    session = SignedIn(
        id=new_id(), organization_id=UUID(made["organization_id"]), user_id=UUID(made["user_id"]), family_id=new_id(),
        plane="business", started_at=at, expires_at=at + LONGEST,
    )  # fmt: skip
    with database.transaction(Scope.whole(session.organization_id)) as running:
        running.add(session)
    database.close()
    return tokens.issue(keys, session, "Ada", at)[0]


@pytest.fixture
def gateway(restarted: Restarted, keys_folder: Path, tmp_path: Path) -> Iterator[Web]:
    """The gateway's web server, in processes of its own."""
    web = Web(
        tmp_path, app="services.gateway.wsgi:app", ready="/livez", SERVICE="gateway", LOG_LEVEL="CRITICAL",
        DATABASE_URL=restarted.url("gateway"), KEYS_FOLDER=str(keys_folder),
    )  # fmt: skip
    yield web
    web.kill()


def test_a_write_through_the_gateway_fails_cleanly_while_the_database_is_down_and_is_done_once_when_it_is_back(
    restarted: Restarted, gateway: Web, gateway_keys: Keyring
) -> None:
    bearer = {"Authorization": f"Bearer {administrator(restarted.url('gateway'), gateway_keys)}"}
    url = f"http://127.0.0.1:{gateway.port}/v1/network/gateway/regions"

    def write(name: str) -> Any:
        headers = {**bearer, "Content-Type": "application/json", "Idempotency-Key": name}
        return pool.request("POST", url, headers=headers, body=json.dumps({"name": name}).encode())

    assert write("North").status == 201
    (server,) = serving(gateway)
    restarted.stop()
    for _ in range(3):  # the first still meets a connection that was open
        down = write("South")
        assert (down.status, down.headers["Content-Type"]) == (503, "application/problem+json")
        assert down.json()["type"] == "/docs/problems#unavailable" and down.headers["Retry-After"]
    restarted.start()
    back = write("South")
    assert (back.status, "Idempotent-Replayed" in back.headers) == (201, False)
    again = write("South")
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    listed = pool.request("GET", url, headers=bearer).json()["items"]
    assert sorted(region["name"] for region in listed) == ["North", "South"]
    assert serving(gateway) == [server]


def serving(web: Web) -> list[int]:
    """The processes that answer: not those of another start."""
    return [usage.pid for usage in processes.tree(web.process.pid) if usage.pid != web.process.pid]
