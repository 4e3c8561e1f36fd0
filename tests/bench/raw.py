"""The same works as SQL through raw psycopg: the limit on this machine.

One connection per client, the scope set in each transaction as the services set it, the same rows read and written,
each statement a round trip; no rule is checked and no answer is made. Where `walled` is false they run as a superuser,
whom no policy binds, and name their site themselves: what row-level security costs is the difference.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg

from shared.clock import now
from shared.ids import new_id
from shared.tenancy import Scope
from tests.bench.generator import Step

Place = tuple[str, str]  # location, legal entity
Cursor = psycopg.Cursor[Any]
_ENVELOPE = b"x" * 900  # as long as the envelope of a requisition.submitted


@contextmanager
def transaction(
    connection: psycopg.Connection[Any], organization: str, site: Place, *, walled: bool = True
) -> Iterator[Cursor]:
    """One transaction in the scope of a site; the role of the scope is taken unless `walled` is false."""
    scope = Scope(UUID(organization), "location", (UUID(site[0]),), (UUID(site[1]),))
    values = {"role": scope.role if walled else "none", **scope.settings()}
    calls = ", ".join(f"set_config('{name}', %s, true)" for name in values)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"select {calls}".encode(), list(values.values()))
        yield cursor


def order(
    number: int, url: str, organization: str, sites: list[Place], needs: list[dict[str, Any]], *, walled: bool = True
) -> Step:
    """A requisition of five lines, its number and its event: six statements between BEGIN and COMMIT."""
    connection, chance = psycopg.connect(url), random.Random(number)

    def step() -> None:
        site = chance.choice(sites)
        items = [UUID(need["item_id"]) for need in chance.sample(needs, 5)]
        with transaction(connection, organization, site, walled=walled) as cursor:
            on = now().date()
            priced = {row[0]: row for row in cursor.execute(_PRICES, [on, on, items]).fetchall()}
            given = next_number(cursor, organization, site[0], "BENCH")
            requisition = new_id()
            values = [requisition, organization, *site, f"BENCH-{given:06d}", uuid4(), now(), now()]
            cursor.execute(_REQUISITION, values)
            lines = [_line(requisition, i, priced[item]) for i, item in enumerate(items, 1)]
            cursor.execute(_LINES, [organization, site[0], *map(list, zip(*lines, strict=True))])
            tell(cursor, "procurement.requisition.submitted", requisition, organization, site[0])

    return step


_PRICES = b"""select i.id, i.sku, i.name, i.item_class, i.unit_chain, i.status, p.vendor_id, p.unit, p.price,
  p.starts_on, p.vendor_sku, v.code
from catalog_item i
left join vendor_price p on p.item_id = i.id and p.starts_on <= %s and (p.ends_on is null or p.ends_on >= %s)
left join vendor v on v.id = p.vendor_id and v.status = 'active'
where i.id = any(%s)"""
_REQUISITION = b"""insert into requisition (id, organization_id, location_id, legal_entity_id, number, status,
  requester_id, requester_name, total, drafted_at, submitted_at, version)
values (%s, %s, %s, %s, %s, 'submitted', %s, 'Raw', 12345, %s, %s, 1)"""
_LINES = b"""insert into requisition_line (id, organization_id, location_id, requisition_id, position, item_id, sku,
  item_name, item_class, vendor_id, vendor_sku, quantity, unit, unit_numerator, unit_denominator, base_quantity,
  unit_price, amount)
select l.id, %s, %s, l.requisition, l.position, l.item, l.sku, l.name, l.class, l.vendor, l.vendor_sku, 3, l.unit, 1, 1,
  3, l.price, 100
from unnest(%s::uuid[], %s::uuid[], %s::int[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[],
  %s::text[], %s::bigint[]) as l(id, requisition, position, item, sku, name, class, vendor, vendor_sku, unit, price)"""


def _line(requisition: UUID, position: int, item: tuple[Any, ...]) -> tuple[Any, ...]:
    key, sku, name, kind, _, _, vendor, unit, price, _, vendor_sku, _ = item
    return new_id(), requisition, position, key, sku, name, kind, vendor, vendor_sku, unit, price


def next_number(cursor: Cursor, organization: str, owner: str, prefix: str) -> int:
    """The next number of a series, its row locked."""
    row = cursor.execute(_NUMBER, [uuid4(), organization, owner, prefix]).fetchone()
    assert row is not None
    return int(row[0])


_NUMBER = b"""insert into number_series (id, organization_id, owner_id, prefix, year, last)
values (%s, %s, %s, %s, 2000, 1)
on conflict (organization_id, owner_id, prefix, year) do update set last = number_series.last + 1 returning last"""


def tell(cursor: Cursor, kind: str, about: UUID, organization: str, site: str) -> None:
    """One row of an outbox like the service's; no relay empties it."""
    cursor.execute(_PENDING, [uuid4(), organization, kind, str(about), site, _ENVELOPE])


_PENDING = b"""with told as (insert into bench_pending (event_id, organization_id, type, plane, aggregate_type,
  aggregate_id, aggregate_version, location_id, envelope) values (%s, %s, %s, 'business', 'bench', %s, 1, %s, %s))
select pg_notify('bench_outbox', '')"""


def _theirs(statement: bytes, organization: str, site: Place, walled: bool) -> tuple[bytes, list[str]]:
    """A statement about a site, and the values it begins with: the policies say which rows, or else a condition."""
    if walled:
        return statement.replace(b"{theirs}", b"true"), []
    return statement.replace(b"{theirs}", b"organization_id = %s and location_id = %s"), [organization, site[0]]


def newest(number: int, url: str, organization: str, sites: list[Place], *, walled: bool = True) -> Step:
    """The newest 50 orders of a site, one more read to know whether there is a next page."""
    connection, chance = psycopg.connect(url), random.Random(number)

    def step() -> None:
        site = chance.choice(sites)
        with transaction(connection, organization, site, walled=walled) as cursor:
            cursor.execute(*_theirs(_NEWEST, organization, site, walled)).fetchall()

    return step


_NEWEST = b"""select id, organization_id, location_id, version, legal_entity_id, buyer_name, number, revision,
  requisition_id, requester_id, vendor_id, vendor_name, status, ordered_on, month, need_by, total, placed_at,
  closed_reason
from purchase_order where {theirs} order by id desc limit 51"""


def spend(
    number: int, url: str, organization: str, sites: list[Place], first: str, last: str, *, walled: bool = True
) -> Step:
    """What a site spent, by month."""
    connection, chance = psycopg.connect(url), random.Random(number)

    def step() -> None:
        site = chance.choice(sites)
        statement, values = _theirs(_SPEND, organization, site, walled)
        with transaction(connection, organization, site, walled=walled) as cursor:
            cursor.execute(statement, [*values, first, last]).fetchall()

    return step


_SPEND = b"""select location_id, month, orders, total from spend_month
where {theirs} and orders > 0 and month between %s and %s order by location_id, month"""
