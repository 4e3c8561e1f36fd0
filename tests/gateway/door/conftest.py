"""A franchise in the real directory, and the real door in front of it."""

from collections.abc import Callable, Iterator

import pytest

from services.gateway.app import create, create_directory
from shared.keys import Keyring
from shared.settings import Settings
from tests.gateway.directory.brand import Brand
from tests.gateway.door.upstream import Upstream, running


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A service behind the door."""
    with running() as server:
        yield server


@pytest.fixture
def settings(make_settings: Callable[..., Settings], upstream: Upstream) -> Settings:
    """The gateway's settings; every other service is the upstream."""
    peers = dict.fromkeys(("procurement", "hr", "billing"), upstream.url)
    return make_settings("gateway", peers=peers, max_body_bytes=100_000)


@pytest.fixture
def brand(settings: Settings, gateway_keys: Keyring) -> Iterator[Brand]:
    """One franchise with its first administrator."""
    app, front = create_directory(settings), create(settings)
    yield Brand(app, lambda: front, gateway_keys)
    for each in (app, front):
        each.extensions["partywall"].database.close()
