"""Events: how long from one service's commit to the effect in another, and how many the relay sequences a second."""

import time
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import psycopg
from sqlalchemy import text

from shared.contracts.gateway import LocationRecorded
from shared.contracts.procurement import RequisitionSubmitted
from shared.db import Database
from shared.ids import new_id
from shared.outbox import Origin, emit
from shared.tenancy import NETWORK, Scope
from tests.bench.franchise import Network
from tests.bench.table import Load
from tests.support.platform import Platform

_EFFECT_SECONDS = 10.0
_RELAYED_SECONDS = 120.0
_LOOK_SECONDS = 0.0005


_SEEN = b"select seen_version from known_location where id = %s"


class NoEffect(Exception):
    """An event had no effect in time."""


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
        # Looked at as lightly as the raw side is: who waits shares the cores with what is measured.
        self._procurement = psycopg.connect(platform.database_url("procurement"), autocommit=True)
        self._procurement.execute(
            "select set_config('role', %s, false), set_config('app.organization', %s, false)",
            [NETWORK, str(network.organization_id)],
        )
        self._scope = Scope.whole(network.organization_id)
        site = network.sites[0]
        self._about = _About(site.id, network.organization_id, site.id, site.legal_entity_id, 0)
        self._about = replace(self._about, version=self._known())

    def tell(self) -> float:
        """Commit one event; when the commit returned (perf_counter)."""
        self._about = replace(self._about, version=self._about.version + 1)
        with self._gateway.transaction(self._scope) as session:
            session.info["origin"] = Origin("gateway", "bench")
            emit(session, self._fact(), self._about)
        return time.perf_counter()

    def wait(self) -> float:
        """Until procurement knows the newest version; when that was. Raises NoEffect."""
        deadline = time.monotonic() + _EFFECT_SECONDS
        while time.monotonic() < deadline:
            if self._known() == self._about.version:
                return time.perf_counter()
            time.sleep(_LOOK_SECONDS)
        raise NoEffect(f"version {self._about.version} of a location is not in procurement")

    def _known(self) -> int:
        row = self._procurement.execute(_SEEN, [self._about.id]).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self._gateway.close()
        self._procurement.close()

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


def effect(platform: Platform, network: Network, events: int) -> Load:
    """One event after the other, each waited for."""
    teller, seen, began = _Teller(platform, network), [], time.perf_counter()
    for _ in range(events):
        committed = teller.tell()
        seen.append(teller.wait() - committed)
        time.sleep(0.01)
    teller.close()
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
