"""So many requests a second for each principal and each organization, and nobody else waits for them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from services.gateway import settings
from services.gateway.door.rates import LIMITED, SECOND, Rate, RateExceeded, Rates
from services.gateway.principals.snapshot import Principal
from services.gateway.settings import RateLimits
from shared.ids import new_id
from shared.settings import BadSettings, Settings
from tests.gateway.door import franchise as f
from tests.gateway.door.house import House, at, make_house
from tests.gateway.door.upstream import Upstream


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds * SECOND // 1_000


def somebody(organization: UUID | None = None) -> Principal:
    return Principal(new_id(), "person", "Bea", organization or new_id(), "business")


def let_in(rates: Rates, principal: Principal, times: int) -> int:
    """How many of so many requests are let in."""
    return sum(counted(rates, principal) for _ in range(times))


def counted(rates: Rates, principal: Principal) -> bool:
    try:
        rates.count(principal)
    except RateExceeded:
        return False
    return True


def test_a_seconds_worth_may_come_at_once_and_then_as_many_as_time_allows() -> None:
    clock, bea = Clock(), somebody()
    rates = Rates(RateLimits(10, 0), clock)
    assert let_in(rates, bea, 15) == 10
    clock.wait(350)
    assert let_in(rates, bea, 15) == 3
    clock.wait(60_000)
    assert let_in(rates, bea, 15) == 10  # what was not used does not add up


def test_an_even_stream_at_the_limit_is_never_held() -> None:
    clock, bea = Clock(), somebody()
    rates = Rates(RateLimits(1_000, 0), clock)
    for _ in range(5_000):
        clock.wait(1)
        rates.count(bea)


def test_one_principal_who_runs_away_costs_another_nothing() -> None:
    clock, organization = Clock(), new_id()
    bea, carl = somebody(organization), somebody(organization)
    rates = Rates(RateLimits(10, 15), clock)
    assert let_in(rates, bea, 1_000) == 10  # and what was refused is not counted for the organization
    assert let_in(rates, carl, 1_000) == 5
    assert let_in(rates, somebody(), 5) == 5


def test_a_limit_of_zero_is_none() -> None:
    bea = somebody()
    assert let_in(Rates(RateLimits(0, 0), Clock()), bea, 10_000) == 10_000
    assert let_in(Rates(RateLimits(0, 7), Clock()), bea, 100) == 7


def test_many_threads_at_once_get_no_more_than_one_would() -> None:
    bea, ready = somebody(), threading.Barrier(8)
    rates = Rates(RateLimits(500, 0), Clock())

    def hurry(_: int) -> int:
        ready.wait()
        return let_in(rates, bea, 200)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hurry, range(8))) == 500


def test_who_has_fallen_silent_is_forgotten_and_nobody_else() -> None:
    rate = Rate(10, kept=100)
    for number in range(100):
        rate.take(new_id(), number)
    busy = new_id()
    for _ in range(10):
        rate.take(busy, SECOND)
    assert len(rate) == 1
    assert rate.is_empty(busy, SECOND)


@pytest.fixture
def house(make_settings: Callable[..., Settings], upstream: Upstream) -> Iterator[House]:
    """A door that lets two requests of each principal in, for time stands still."""
    made = make_house(make_settings, {"procurement": upstream.url}, rates=Rates(RateLimits(2, 0), Clock()))
    yield made
    made.writer.close()
    made.app.extensions["partywall"].database.close()


def limited() -> float:
    return REGISTRY.get_sample_value("partywall_rate_limited_total", {"of": "principal"}) or 0


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_served(house: House, upstream: Upstream) -> None:
    bea, carl = (house.directory.admit(name, f.make_grant("location_manager", "location", "Oakland")) for name in "bc")
    url, before = at("Oakland", "/requisitions"), limited()
    answers = [house.ask("GET", url, bea) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429]
    assert house.ask("GET", url, carl).status_code == 200
    assert (limited(), len(upstream.seen)) == (before + 3, 3)
    for refused in answers[2:]:
        assert (refused.mimetype, refused.headers["Retry-After"]) == ("application/problem+json", "1")
        assert refused.json["type"] == "/docs/problems#rate-exceeded"


def test_the_metric_names_nobody() -> None:
    labels = {tuple(sample.labels.items()) for metric in LIMITED.collect() for sample in metric.samples}
    assert labels == {(("of", "principal"),), (("of", "organization"),)}


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.rate_limits() == RateLimits(1_000, 5_000)
    monkeypatch.setenv("RATE_PER_PRINCIPAL", "50")
    monkeypatch.setenv("RATE_PER_ORGANIZATION", "0")
    assert settings.rate_limits() == RateLimits(50, 0)


@pytest.mark.parametrize("value", ["-1", "many", "0.5", ""])
def test_a_limit_that_is_no_whole_number_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RATE_PER_PRINCIPAL", value)
    with pytest.raises(BadSettings):
        settings.rate_limits()
