"""A database that goes away: requests fail cleanly, then work again, in the same process."""

from collections.abc import Callable
from pathlib import Path

from deploy import databases
from deploy.local import postgres
from services.procurement.app import create
from shared import migrate
from shared.ids import new_id
from shared.keys import Keyring
from shared.settings import Settings
from shared.tenancy import APP, OWNER, Scope
from tests.support.callers import Caller


def test_requests_fail_cleanly_while_the_database_is_down_and_recover_without_a_restart(
    tmp_path: Path, keys_folder: Path, gateway_keys: Keyring, make_settings: Callable[..., Settings]
) -> None:
    data = tmp_path / "postgres"
    server = postgres.start(data)
    databases.provision(server.url(), "owner", "app")
    name = databases.name_of("procurement")
    migrate.upgrade("procurement", databases.login_url(server.url(), OWNER, "owner", name))
    settings = Settings(
        "procurement",
        databases.login_url(server.url(), APP, "app", name),
        None, None, keys_folder, {}, "127.0.0.1", 0, 0, 8, 1, 100_000, "WARNING", True,
    )  # fmt: skip
    app = create(settings)
    scope = Scope(new_id(), "location", (new_id(),), (new_id(),))
    caller = Caller(app, gateway_keys, scope, frozenset({"location_manager"}))
    try:
        assert caller.get("/orders").status_code == 200
        port = server.port
        server.stop()
        down = caller.get("/orders")
        assert (down.status_code, down.mimetype) == (503, "application/problem+json")
        assert down.headers["Retry-After"]
        assert app.test_client().get("/readyz").status_code == 503
        assert app.test_client().get("/livez").status_code == 200
        server = postgres.start(data, port=port)
        assert caller.get("/orders").status_code == 200
        assert app.test_client().get("/readyz").status_code == 200
    finally:
        app.extensions["partywall"].database.close()
        server.stop()
