"""What Prometheus is told of each site: its name, and how long its management services agreement still runs."""

import math
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from prometheus_client import REGISTRY

from services.gateway.sites import Sites, days_left
from shared.clock import today
from tests.gateway.directory.brand import Brand, ok

DAY = date(2026, 11, 22)


def day(offset: int) -> date:
    return DAY + timedelta(days=offset)


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ([], -1),
        ([(day(-30), None)], math.inf),
        ([(day(-30), day(0))], 0),
        ([(day(-30), day(45))], 45),
        ([(day(-30), day(-1))], -1),
        ([(day(1), day(90))], -1),
        ([(day(-30), day(10)), (day(11), day(40))], 40),
        ([(day(11), None), (day(-30), day(10))], math.inf),
        ([(day(-30), day(10)), (day(12), None)], 10),
    ],
)
def test_days_count_to_the_last_day_without_a_gap(terms: list[tuple[date, date | None]], left: float) -> None:
    assert days_left(terms, DAY) == left


@pytest.fixture
def sites() -> Iterator[Sites]:
    made = Sites()
    yield made
    REGISTRY.unregister(made)


def told(brand: Brand, sites: Sites, code: str) -> float | None:
    """What is told of the site's agreement; None where the site is not told of."""
    sites.refresh(brand.database)
    info, left = sites.collect()
    ids = [sample.labels["site"] for sample in info.samples if sample.labels["code"] == code]
    return next((sample.value for sample in left.samples if sample.labels["site"] in ids), None)


def test_a_site_is_told_of_with_the_days_its_agreement_has_left(
    brand: Brand, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.sites.FRESH_SECONDS", 0)
    brand.load_rules()
    mso, entity = brand.entity("mso", "Lumina Management LLC"), brand.entity()
    site = brand.site(entity, "CA-01")
    assert told(brand, sites, "CA-01") == -1
    last = today("America/Los_Angeles") + timedelta(days=50)
    agreement = brand.draft(mso, entity, site, ends_on=str(last))
    assert told(brand, sites, "CA-01") == -1  # a draft opens nothing
    ok(brand.owner(entity, sites=(site,)).post(f"/agreements/{agreement}/signature", json={}))
    assert told(brand, sites, "CA-01") == 50
    brand.site(entity, "CA-02", status="planned")
    assert told(brand, sites, "CA-02") is None


def test_a_scrape_a_moment_later_does_not_ask_the_database_again(brand: Brand, sites: Sites) -> None:
    entity = brand.entity()
    brand.site(entity, "CA-01")
    assert told(brand, sites, "CA-01") == -1
    brand.site(entity, "CA-02")
    assert told(brand, sites, "CA-02") is None
