"""The broker is away: people go on working, what they did waits, and whoever looks is told."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from shared.outbox import LoggedEvent
from shared.settings import Settings
from shared.tenancy import Scope
from tests.shared.events.parties import ORGANIZATION, Process, eventually
from tests.shared.events.test_worker import figure
from tests.support.callers import Caller

NOBODY = "amqp://127.0.0.1:1//"  # a port where nobody listens


@pytest.fixture
def relay(settings_of: Callable[..., Settings], sample_url: str) -> Iterator[Process]:
    """The worker of the service that is asked, with a broker that does not answer."""
    started = Process(settings_of("procurement", sample_url, bus_url=NOBODY))
    yield started
    started.kill()


def logged(caller: Caller) -> int:
    with caller.app.extensions["partywall"].database.platform_transaction() as session:
        return int(session.execute(select(func.count()).select_from(LoggedEvent)).scalar_one())


def test_a_request_succeeds_while_the_broker_is_away_and_its_event_waits(
    relay: Process, make_caller: Callable[..., Caller]
) -> None:
    caller = make_caller(Scope(ORGANIZATION, "location", (ORGANIZATION,), (ORGANIZATION,)))
    eventually(lambda: relay.ask("/readyz")[0] == 503 and "bus" in relay.ask("/readyz")[1])
    began = time.monotonic()
    for label in ("a", "b"):
        answer = caller.post("/boxes", json={"label": label})
        assert answer.status_code == 201
    ready: Any = caller.app.test_client().get("/readyz").json
    assert set(ready["failed"]) == {"migrations-pending"}  # the sample has none; a web process needs no broker
    eventually(lambda: logged(caller) == 2)
    eventually(lambda: "publisher" in relay.ask("/readyz")[1])
    status, said = relay.ask("/readyz")
    assert status == 503 and "bus" in said and "sequencer" not in said
    assert relay.ask("/livez")[0] == 200  # a restart would mend nothing
    assert figure(relay, "partywall_outbox_pending") == 2
    time.sleep(0.3)
    age = figure(relay, "partywall_outbox_age_seconds")
    assert 0.3 <= age <= time.monotonic() - began + 1
    assert figure(relay, "partywall_outbox_age_seconds") > age
    assert relay.stop() == 0
