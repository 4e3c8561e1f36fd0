"""Fixtures of the billing tests."""

from collections.abc import Callable

import pytest
from flask import Flask

from shared.keys import Keyring
from tests.billing.clinic import Clinic, make_clinic


@pytest.fixture
def clinic(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Clinic:
    """A clinic with two sites, and billing's app on a fresh database."""
    return make_clinic(make_app("billing"), gateway_keys)
