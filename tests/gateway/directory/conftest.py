"""A franchise per test, on a database of its own."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from services.gateway.app import create, create_directory
from shared.keys import Keyring
from shared.settings import Settings
from tests.gateway.directory.brand import Brand


@pytest.fixture
def make_brand(make_settings: Callable[..., Settings], gateway_keys: Keyring) -> Iterator[Callable[[str], Brand]]:
    """`make_brand("lumina")`; all brands of a test live on one platform."""
    settings = make_settings("gateway")
    app, opened = create_directory(settings), list[Flask]()

    def front() -> Flask:
        # Reading policies and catalogue takes a while, and most tests never pass the door.
        if not opened:
            opened.append(create(settings))
        return opened[0]

    yield lambda slug: Brand(app, front, gateway_keys, slug)
    for each in (app, *opened):
        each.extensions["partywall"].database.close()


@pytest.fixture
def brand(make_brand: Callable[[str], Brand]) -> Brand:
    """One franchise with its first administrator."""
    return make_brand("lumina")
