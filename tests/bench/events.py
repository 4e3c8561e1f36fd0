"""Events: how long from one service's commit to the effect in another, and how many the relay sequences a second."""

import time
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from shared.contracts.gateway import LocationRecorded
from shared.contracts.procurement import RequisitionSubmitted
from shared.db import Database, get
from shared.directory import KnownLocation
from shared.ids import new_id
from shared.outbox import Origin, emit
from shared.tenancy import Scope
from tests.bench.franchise import Network
from tests.bench.table import Load
from tests.bench.watch import NoEffect, Watch
from tests.support.platform import Platform

_RELAYED_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class _About:
    """A version of a location that the directory tells."""

    id: UUID
    organization_id: UUID
    location_id: UUID
    legal_entity_id: UUID
    version: int


class _Teller:
    """Tells in the gateway's outbox, by the library's own code, that a location has a new version; procurement keeps
    the newest version it has heard of, which is the effect to wait for."""

    def __init__(self, platform: Platform, network: Network) -> None:
        self._gateway = platform.database("gateway")
        self._watch = Watch(platform.owner_url("procurement"), "known_location", "seen_version")
        self._scope = Scope.whole(network.organization_id)
        site = network.sites[0]
        known = _known(platform, network)
        self._about = _About(site.id, network.organization_id, site.id, site.legal_entity_id, known)

    def tell(self) -> float:
        """Commit one event; when the commit returned (perf_counter)."""
        self._about = replace(self._about, version=self._about.version + 1)
        with self._gateway.transaction(self._scope) as session:
            session.info["origin"] = Origin("gateway", "bench")
            emit(session, self._fact(), self._about)
        return time.perf_counter()

    def wait(self) -> float:
        """Until procurement knows the newest version; when that was. Raises NoEffect."""
        return self._watch.until(self._about.version)

    def close(self) -> None:
        self._gateway.close()
        self._watch.close()

    def _fact(self) -> LocationRecorded:
        return LocationRecorded(
            location_id=self._about.id,
            code="M0000",
            name="Lumina Meadow 0.0",
            state="CA",
            locality="Oakland",
            time_zone="America/Los_Angeles",
            legal_entity_id=self._about.legal_entity_id,
            status="open",
        )


def _known(platform: Platform, network: Network) -> int:
    """The version of the first site that procurement knows."""
    with (
        closing(platform.database("procurement")) as database,
        database.transaction(Scope.whole(network.organization_id)) as session,
    ):
        return get(session, KnownLocation, network.sites[0].id).seen_version


def effect(platform: Platform, network: Network, events: int) -> Load:
    """One event after the other, each waited for."""
    with closing(_Teller(platform, network)) as teller:
        seen, began = [], time.perf_counter()
        for _ in range(events):
            committed = teller.tell()
            seen.append(teller.wait() - committed)
            time.sleep(0.01)
    return Load(time.perf_counter() - began, seen, 0)


def relayed(platform: Platform, network: Network, events: int) -> Load:
    """Commit `events` facts of procurement at once; how long until the last has its place in the event log."""
    database, site = platform.database("procurement"), network.sites[0]
    with database.transaction(Scope.whole(network.organization_id)) as session:
        session.info["origin"] = Origin("procurement", "bench")
        for _ in range(events):
            key = new_id()
            told = RequisitionSubmitted(
                requisition_id=key, number="BENCH", total=Decimal("10.00"), requester_id=network.organization_id
            )
            emit(session, told, _About(key, network.organization_id, site.id, site.legal_entity_id, 1))
    began = time.perf_counter()
    while _waiting(database):
        if time.perf_counter() - began > _RELAYED_SECONDS:
            raise NoEffect("the relay does not sequence")
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    database.close()
    return Load(seconds, [seconds / events] * events, 0)


def _waiting(database: Database) -> bool:
    with database.platform_transaction() as session:
        return bool(session.execute(text("select exists (select 1 from pending)")).scalar_one())
