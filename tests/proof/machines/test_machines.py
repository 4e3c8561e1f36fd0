"""Four machines. Each chain has a franchise of its own, so that nothing of one chain is seen by another."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import cast

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from shared import clock
from shared.keys import Keyring
from tests.billing.franchise import make_franchise
from tests.billing.office import Office
from tests.procurement.shop import Shop, make_shop
from tests.proof.machines.books import LedgerMachine
from tests.proof.machines.buying import BuyingMachine
from tests.proof.machines.keys import Crash, KeyMachine
from tests.proof.machines.stock import StockMachine


@pytest.fixture
def shop(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Callable[[], Shop]:
    """Makes franchises on one procurement app."""
    app = make_app("procurement")
    return lambda: make_shop(app, gateway_keys)


@pytest.fixture
def crash(shop: Callable[[], Shop]) -> Iterator[Crash]:
    url = shop().app.extensions["partywall"].settings.owner_database_url
    made = Crash(url)
    yield made
    made.close()


def play(make: Callable[[], RuleBasedStateMachine], chains: settings) -> None:
    """Chains of a machine that is made anew for each. (Hypothesis asks for a class and calls it.)"""
    run_state_machine_as_test(cast(type[RuleBasedStateMachine], make), settings=chains)


def test_from_requisition_to_approved_bill(shop: Callable[[], Shop], chains: settings) -> None:
    play(lambda: BuyingMachine(shop()), chains)


def test_the_stock_ledger(shop: Callable[[], Shop], chains: settings) -> None:
    play(lambda: StockMachine(shop()), chains)


def test_the_books(make_app: Callable[..., Flask], gateway_keys: Keyring, chains: settings) -> None:
    app = make_app("billing")
    database = app.extensions["partywall"].database
    with clock.frozen(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        play(lambda: LedgerMachine(Office(app, gateway_keys, make_franchise(database))), chains)


def test_idempotency_keys(shop: Callable[[], Shop], crash: Crash, chains: settings) -> None:
    play(lambda: KeyMachine(shop(), crash), chains)
