"""Fixtures of the procurement tests: one app for all of them, a franchise of its own for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from services.procurement.app import create
from shared.keys import Keyring
from shared.settings import Settings
from tests.procurement.shop import GLOVES, PAPER, TOXIN, Shop, make_shop
from tests.support.databases import Cluster


@pytest.fixture(scope="session")
def procurement(cluster: Cluster, keys_folder: Path) -> Iterator[Flask]:
    """The app on a database that these tests share: tenancy keeps their franchises apart."""
    with cluster.copy("procurement") as name:
        settings = Settings(
            service="procurement",
            database_url=cluster.url(name, "app"),
            owner_database_url=cluster.url(name, "owner"),
            bus_url=None,
            keys_folder=keys_folder,
            peers={},
            host="127.0.0.1",
            port=0,
            ops_port=0,
            threads=8,
            web_workers=1,
            max_body_bytes=2 * 1024 * 1024,
            log_level="WARNING",
            outbox_notify=True,
        )
        app = create(settings)
        yield app
        app.extensions["partywall"].database.close()


@pytest.fixture
def shop(procurement: Flask, gateway_keys: Keyring) -> Shop:
    """A franchise with a vendor."""
    return make_shop(procurement, gateway_keys)


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """The same with a neurotoxin (4,800.00 a box), gloves (12.50 a box) and paper (40.00 a carton); gloves are on the
    formulary of the Californian entity."""
    shop.item(TOXIN, "4800.00")
    shop.item(GLOVES, "12.50")
    shop.item(PAPER, "40.00")
    shop.approve_item("GLV-M")
    return shop
