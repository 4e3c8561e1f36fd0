"""Which works are measured, and what each must reach."""

import os
import platform as hardware
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import charges, events, loads, orders, raw_events
from tests.bench.franchise import Network
from tests.bench.loads import Work
from tests.bench.table import Mark, Row
from tests.support.platform import Platform

CLIENTS, CROWD = 8, 32
# What the platform must reach on two idle cores.
ORDER = (Mark("ratio", 0.20), Mark("p99", 50))
NEWEST = (Mark("rate", 580),)
REVENUE = (Mark("rate", 125),)
EFFECT = (Mark("p50", 5), Mark("p99", 15))
RELAY = (Mark("rate", 5_000),)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is, and for how long (seconds) each work is repeated."""

    sites: int = 200
    orders: int = 20_000
    charges: int = 8_000
    seconds: float = 8.0
    warm: float = 3.0
    effects: int = 300
    relayed: int = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A work through the gateway by a few clients, the same as raw SQL, and by the crowd."""

    name: str
    marks: Sequence[Mark]
    through: Work
    raw: Work
    crowd: Work


def rows(platform: Platform, network: Network, size: Size) -> Iterator[Row]:
    """Every line of the table, one after the other."""
    for service in ("procurement", "billing"):
        raw_events.prepare(platform.owner_url(service))
    for pair in (*_buying(platform, network, size), _earning(platform, network, size)):
        yield _measure(pair, platform, size)
    yield from _events(platform, network, size)


def _measure(pair: Pair, platform: Platform, size: Size) -> Row:
    """Both sides one after the other, then the crowd for its errors."""
    load, cpu = loads.run(pair.through, CLIENTS, size.warm, size.seconds, platform.cpu_seconds)
    raw, _ = loads.run(pair.raw, CLIENTS, size.warm / 2, size.seconds / 2)
    crowd, _ = loads.run(pair.crowd, CROWD, size.warm / 2, size.seconds / 2)
    return Row(pair.name, load, raw, pair.marks, crowd_errors=crowd.errors, cpu_seconds=cpu)


def _buying(platform: Platform, network: Network, size: Size) -> list[Pair]:
    """Order write, list and spend on so many orders, written here."""
    database = platform.database("procurement")
    orders.load(database, network, size.orders)
    database.close()
    orders.settle(platform.admin_url("procurement"))
    return buying(platform, network)


def buying(platform: Platform, network: Network) -> list[Pair]:
    """Order write, list and spend on the orders that are there."""
    database = platform.database("procurement")
    needs = {"needs": orders.needs(database, network)}
    database.close()
    sites = [(str(site.id), str(site.legal_entity_id)) for site in network.sites]
    today = network.stage.today
    months = {"first": str(today.replace(year=today.year - 1, day=1)), "last": str(today)}
    http = {"port": platform.port, "token": network.person("priya.shah").token(), "sites": sites}
    sql = {"url": platform.database_url("procurement"), "organization": str(network.organization_id), "sites": sites}
    return [
        _pair("create + submit an order of five lines", "order", ORDER, http | needs, sql | needs),
        _pair("newest 50 orders of a site", "newest", NEWEST, http, sql),
        _pair("spend of a site by month", "spend", (), http | months, sql | months),
    ]


def _earning(platform: Platform, network: Network, size: Size) -> Pair:
    """Invoice, post and pay; half of the charges are for the few, the rest for the crowd."""
    database = platform.database("billing")
    waiting = charges.load(database, network, size.charges)
    database.close()
    orders.settle(platform.admin_url("billing"))
    http = {"port": platform.port, "token": network.person("tess.ortiz").token()}
    sql = {"url": platform.database_url("billing"), "organization": str(network.organization_id)}
    half = len(waiting) // 2
    few, rest = {"charges": waiting[:half], "clients": CLIENTS}, {"charges": waiting[half:], "clients": CROWD}
    return Pair(
        "invoice + post + pay",
        REVENUE,
        Work("tests.bench.through", "revenue", http | few),
        Work("tests.bench.raw_revenue", "revenue", sql | few),
        Work("tests.bench.through", "revenue", http | rest),
    )


def _pair(name: str, work: str, marks: Sequence[Mark], http: dict[str, Any], sql: dict[str, Any]) -> Pair:
    through = Work("tests.bench.through", work, http)
    return Pair(name, marks, through, Work("tests.bench.raw", work, sql), through)


def _events(platform: Platform, network: Network, size: Size) -> Iterator[Row]:
    url, owner_url = platform.database_url("procurement"), platform.owner_url("procurement")
    yield Row(
        "commit to effect of an event",
        events.effect(platform, network, size.effects),
        raw_events.effect(url, owner_url, size.effects),
        EFFECT,
        "latency",
    )
    yield Row(
        "events through the relay",
        events.relayed(platform, network, size.relayed),
        raw_events.relayed(url, str(network.organization_id), size.relayed),
        RELAY,
        "rate",
    )


def machine() -> str:
    """The size of the machine and how busy it was when the measuring ended."""
    load = os.getloadavg()[1]
    return f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores {hardware.machine()}, load {load:.1f}"
