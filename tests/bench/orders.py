"""Orders in bulk: the rows an approved requisition leaves behind, spread over the sites and the last twelve months."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.clock import now
from shared.db import Database
from shared.tenancy import Scope
from tests.bench.franchise import Network

_YEAR = timedelta(days=364)
_BATCH, _WRITERS = 25_000, 2  # orders in one transaction, transactions at once


def needs(database: Database, network: Network) -> list[dict[str, Any]]:
    """What any site may order, as lines without their quantity: business items that an active vendor sells."""
    with database.transaction(Scope.whole(network.organization_id)) as session:
        return [{"item_id": str(row.item_id), "unit": row.unit} for row in session.execute(_NEEDS)]


_NEEDS = text(
    """select distinct on (p.item_id) p.item_id, p.unit from vendor_price p
    join catalog_item i on i.id = p.item_id and i.status = 'active' and i.item_class = 'business'
    join vendor v on v.id = p.vendor_id and v.status = 'active' order by p.item_id"""
)


def load(database: Database, network: Network, orders: int, *, before: int = 0, lined: int | None = None) -> None:
    """Write `orders` orders and the requisitions they come from, numbered on from `before`, spread over the sites and
    the last twelve months. The newest `lined` of them (all unless said) have five lines each, as their requisitions do.
    """
    # Temporary tables are not the application's to make; settings of the transaction carry the plan instead.
    plan = {
        "organization": network.organization_id,
        "sites": [site.id for site in network.sites],
        "entities": [site.legal_entity_id for site in network.sites],
        "orders": orders,
        "before": before,
        "until": now(),
    }
    scope = Scope.whole(network.organization_id)

    def last_of(first: int) -> int:
        return min(first + _BATCH - 1, before + orders)

    def write(first: int) -> None:
        last = last_of(first)
        with database.transaction(scope) as session:
            session.execute(_HEADS, {**plan, "first": first, "last": last})
            if (begin := max(first, before + orders - (orders if lined is None else lined) + 1)) <= last:
                session.execute(_LINES, {"first": _number(begin), "last": _number(last), **_span(plan, begin, last)})

    batches = range(before + 1, before + orders + 1, _BATCH)
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, batches))
    for first in batches:  # by one, because all of them count in the same rows
        with database.transaction(scope) as session:
            session.execute(_SPEND, {**plan, "first": first, "last": last_of(first)})


def _number(n: int) -> str:
    return f"BENCH-{n:08d}"


def _span(plan: dict[str, Any], first: int, last: int) -> dict[str, UUID]:
    """Keys below and above those of the orders from `first` through `last`, so that the primary key finds them."""
    moments = [plan["until"] - _YEAR * (1 - (n - plan["before"]) / plan["orders"]) for n in (first, last)]
    low, high = (int(moment.timestamp() * 1000) + around for moment, around in zip(moments, (-1, 2), strict=True))
    return {"low": UUID(int=low << 80), "high": UUID(int=high << 80)}


# Keys that sort by time, as the ones the services make: milliseconds, then the number, then chance.
def _key(salt: str) -> str:
    moment = "lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0')"
    return f"({moment} || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5('{salt}' || n), 1, 15))::uuid"


_PLAN = f"""with numbered as (
      select n, 1 + n % cardinality(s.ids) as i, s.ids, s.entities,
        cast(:until as timestamptz) - interval '364 days' * (1 - (n - :before) / cast(:orders as float)) as at
      from generate_series(cast(:first as int), :last) n,
        (select cast(:sites as uuid[]) as ids, cast(:entities as uuid[]) as entities) s
    ), plan as (
      select n, at, ids[i] as site, entities[i] as entity, {_key("requisition")} as requisition, {_key("order")} as key,
        date_trunc('month', at)::date as month, 'BENCH-' || lpad(n::text, 8, '0') as number
      from numbered
    )"""
_HEADS = text(
    f"""{_PLAN}, vendor as (select id, name from vendor where status = 'active' order by code limit 1
    ), asked as (
      insert into requisition (id, organization_id, location_id, legal_entity_id, number, status, requester_id,
        requester_name, total, drafted_at, submitted_at, decided_by, decided_by_name, decided_at, version)
      select requisition, :organization, site, entity, number, 'approved', entity, 'Sam Archer', 50000, at, at, site,
        'Lee Winter', at, 2
      from plan)
    insert into purchase_order (id, organization_id, location_id, legal_entity_id, buyer_name, number, revision,
      requisition_id, requester_id, vendor_id, vendor_name, status, ordered_on, month, total, placed_at, version)
    select key, :organization, site, entity, 'Meadow Aesthetics PC', number, 1, requisition, entity, vendor.id,
      vendor.name, 'placed', at::date, month, 50000, at, 1
    from plan, vendor"""
)
_SPEND = text(
    f"""{_PLAN}
    insert into spend_month (id, organization_id, location_id, month, orders, total)
    select gen_random_uuid(), :organization, site, month, count(*), count(*) * 50000 from plan group by site, month
    on conflict (organization_id, location_id, month)
    do update set orders = spend_month.orders + excluded.orders, total = spend_month.total + excluded.total"""
)
_COPIED = (
    "item_id, sku, item_name, item_class, vendor_sku, quantity, unit, unit_numerator, unit_denominator,"
    " base_quantity, unit_price, amount"
)
_LINES = text(
    f"""with item as (
      select i.id as item_id, i.sku, i.name as item_name, i.item_class, null as vendor_sku, 2 as quantity,
        'each' as unit, 1 as unit_numerator, 1 as unit_denominator, 2 as base_quantity, 50000 as unit_price,
        10000 as amount, row_number() over (order by i.sku) as position
      from catalog_item i where i.item_class = 'business' order by i.sku limit 5
    ), fresh as materialized (
      select id, organization_id, location_id, requisition_id, vendor_id from purchase_order
      where id between :low and :high and number between :first and :last
    ), asked as (
      insert into requisition_line (id, organization_id, location_id, requisition_id, position, vendor_id, {_COPIED})
      select gen_random_uuid(), o.organization_id, o.location_id, o.requisition_id, position, o.vendor_id, {_COPIED}
      from fresh o, item)
    insert into purchase_order_line (id, organization_id, location_id, order_id, position, received, {_COPIED})
    select gen_random_uuid(), o.organization_id, o.location_id, o.id, position, 0, {_COPIED}
    from fresh o, item"""
)


def settle(admin_url: str) -> None:
    """What autovacuum and the checkpointer would have done by the time there are so many rows: otherwise those who are
    measured first pay for the loading."""
    import psycopg

    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")
