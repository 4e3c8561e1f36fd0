"""How long the machines run: a few fixed chains in every test run, many random ones under `make prove-api`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

LONG = int(os.environ.get("PROOF_CHAINS", "0"))


@pytest.fixture(scope="session")
def chains() -> settings:
    """PROOF_CHAINS chains of each machine; without it twelve, always the same."""
    return settings(
        max_examples=LONG or 12,
        stateful_step_count=50 if LONG else 30,
        derandomize=not LONG,
        database=None,
        deadline=None,
        # A chain is told as it was found: making it shorter sends thousands of requests.
        phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
