"""Each site as Prometheus sees it: what it is called, and how long the MSO may still work for it.

One of the few metrics with a site label; only the gateway's worker serves them, from memory, a minute old at most.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.agreements.models import Agreement, AgreementStatus
from services.gateway.locations.models import Location, LocationStatus
from services.gateway.organizations.models import Organization
from shared.clock import today
from shared.db import Database
from shared.tenancy import Scope

FRESH_SECONDS = 60.0
Term = tuple[date, date | None]


@dataclass(frozen=True, slots=True)
class Site:
    """An open site; `days_left` as `days_left()` says."""

    site: str
    code: str
    name: str
    state: str
    organization: str
    days_left: float


def days_left(terms: Iterable[Term], on: date) -> float:
    """Days after `on` until the MSO has no agreement any more: 0 on the last day, infinite where none ends, -1 where
    none is in force. An agreement that begins the day after another ends goes on with it."""
    last = on - timedelta(days=1)
    for starts_on, ends_on in sorted(terms, key=lambda term: term[0]):
        if starts_on <= last + timedelta(days=1):
            if ends_on is None:
                return math.inf
            last = max(last, ends_on)
    return float((last - on).days)


class Sites(Collector):
    """Gauges of all open sites of all organizations."""

    def __init__(self) -> None:
        self._sites: list[Site] = []
        self._read_at = -math.inf
        REGISTRY.register(self)

    def refresh(self, database: Database) -> None:
        """Read the directory again, unless that was done a moment ago; runs before each scrape."""
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        with database.platform_transaction() as session:
            organizations = session.execute(select(Organization.id, Organization.slug)).all()
        found = []
        for organization_id, slug in organizations:
            with database.transaction(Scope.whole(organization_id)) as session:
                found += _sites(session, slug)
        self._sites, self._read_at = found, time.monotonic()

    def collect(self) -> list[GaugeMetricFamily]:
        """What prometheus_client asks for."""
        named = ("site", "code", "name", "state", "organization")
        info = GaugeMetricFamily("partywall_site_info", "1; what the site is called, for other metrics", labels=named)
        left = GaugeMetricFamily(
            "partywall_site_agreement_days_left",
            "Days until the site has no management services agreement any more; -1: none is in force",
            labels=["site"],
        )
        for site in self._sites:
            info.add_metric([getattr(site, name) for name in named], 1)
            left.add_metric([site.site], site.days_left)
        return [info, left]


def _sites(session: Session, organization: str) -> list[Site]:
    signed = select(Agreement).where(Agreement.status == AgreementStatus.SIGNED)
    terms: dict[object, list[Term]] = {}
    for agreement in session.execute(signed).scalars():
        for location_id in agreement.location_ids:
            # It opens nothing before the day it was signed, whatever its first day is.
            begins = max(agreement.starts_on, agreement.signed_on or agreement.starts_on)
            terms.setdefault(location_id, []).append((begins, agreement.ends_on))
    locations = select(Location).where(Location.status == LocationStatus.OPEN).order_by(Location.code)
    return [
        Site(
            site=str(location.id),
            code=location.code,
            name=location.name,
            state=location.state,
            organization=organization,
            days_left=days_left(terms.get(location.id, ()), today(location.time_zone)),
        )
        for location in session.execute(locations).scalars()
    ]
