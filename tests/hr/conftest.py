"""A franchise on a fresh database, at noon of 22 November 2026."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from shared.clock import frozen
from shared.keys import Keyring
from tests.hr.franchise import NOON, Franchise


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Rules grow stale and licences lapse, so the tests' day stands still."""
    with frozen(NOON):
        yield


@pytest.fixture
def spa(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Franchise:
    """A franchise that knows its sites and the rules."""
    made = Franchise(make_app("hr"), gateway_keys)
    made.open()
    return made
