"""How long the machines run: a few fixed chains in every test run, many random ones under `make prove-api`."""

import os

import pytest
from hypothesis import HealthCheck, settings

LONG = int(os.environ.get("PROOF_CHAINS", "0"))


@pytest.fixture(scope="session")
def chains() -> settings:
    """PROOF_CHAINS chains of each machine; without it four, always the same."""
    return settings(
        max_examples=LONG or 4,
        stateful_step_count=40 if LONG else 20,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
