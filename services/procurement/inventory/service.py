"""Use cases of stock: receive, use, waste, count, suggest what to take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, insert, literal, select
from sqlalchemy.orm import Bundle, Session

from services.procurement.catalog.models import Item
from services.procurement.catalog.rules import ItemClass, convert, unit_chain
from services.procurement.inventory.models import (
    LotExpired,
    LotExpiryDiffers,
    LotMissing,
    NotEnoughStock,
    Reason,
    StockMove,
    WitnessNeeded,
)
from services.procurement.inventory.rules import Lot, Pick, first_expired_first_out, total
from shared.clock import now, today
from shared.contracts.procurement import StockMoved
from shared.db import get
from shared.directory import location
from shared.identity import Context
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page

WITNESSED = (ItemClass.DRUG, ItemClass.BIOLOGIC)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One received lot, in base units."""

    receipt_line_id: UUID
    item_id: UUID
    item_class: str
    lot: str
    expires_on: date | None
    quantity: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class Taking:
    """So much of an item is used or wasted; without a lot, the soonest to expire goes first."""

    item_id: UUID
    quantity: Decimal
    unit: str
    lot: str | None = None
    note: str | None = None
    witnessed_by: UUID | None = None


def receive(session: Session, context: Context, legal_entity_id: UUID, arrivals: Sequence[Arrival]) -> None:
    """Put received lots into stock. Raises LotExpiryDiffers."""
    lock_stock(session, context.scope.location_id, {arrival.item_id for arrival in arrivals})
    at = now()
    for arrival in arrivals:
        check_expiry(session, arrival.item_id, arrival.lot, arrival.expires_on)
    session.execute(
        insert(StockMove),
        [
            {
                "id": new_id(),
                "organization_id": context.organization_id,
                "location_id": context.scope.location_id,
                "legal_entity_id": legal_entity_id,
                "item_id": arrival.item_id,
                "item_class": arrival.item_class,
                "lot": arrival.lot,
                "expires_on": arrival.expires_on,
                "quantity": arrival.quantity,
                "value": arrival.value,
                "reason": Reason.RECEIPT,
                "receipt_line_id": arrival.receipt_line_id,
                "moved_by": context.principal_id,
                "moved_at": at,
            }
            for arrival in arrivals
        ],
    )


def use(session: Session, context: Context, taking: Taking) -> list[StockMove]:
    """Take stock for treatment or for the office. Raises NotEnoughStock, LotExpired, UnknownUnit, NotExact."""
    item, quantity, on = _prepare(session, context, taking)
    found = lots(session, item.id, taking.lot)
    if taking.lot and found and not found[0].usable(on):
        raise LotExpired(f"{item.name}, lot {taking.lot}, expired on {found[0].expires_on}.")
    picks = first_expired_first_out(found, quantity, on)
    return take(session, context, item, picks, quantity, Reason.USAGE, taking.note)


def waste(session: Session, context: Context, taking: Taking) -> list[StockMove]:
    """Throw stock of one lot away, expired or not; drugs and biologics before a witness. Raises WitnessNeeded,
    NotEnoughStock, LotMissing."""
    item, quantity, _ = _prepare(session, context, taking)
    if item.item_class in WITNESSED and taking.witnessed_by in (None, context.principal_id):
        raise WitnessNeeded("Name who witnessed it.")
    if taking.lot is None and item.lot_tracked:
        raise LotMissing(f"Which lot of {item.name} was wasted?")
    picks = first_expired_first_out(lots(session, item.id, taking.lot), quantity, None)
    return take(session, context, item, picks, quantity, Reason.WASTE, taking.note, taking.witnessed_by)


def suggest(session: Session, context: Context, item_id: UUID, quantity: Decimal, unit: str) -> list[Pick]:
    """Which lots to take first. Raises NotEnoughStock, UnknownUnit, NotExact."""
    item = get(session, Item, item_id)
    wanted = convert(quantity, unit_chain(item.unit_chain).ratio(unit))
    on = today(location(session, context.scope.location_id).time_zone)
    picks = first_expired_first_out(lots(session, item.id), wanted, on)
    _check_enough(item, picks, wanted)
    return picks


def on_hand(session: Session, *, limit: int, cursor: str | None, item_id: UUID | None) -> Page[Any]:
    """Stock by location, item and lot, where there is any."""
    quantity, value = func.sum(StockMove.quantity), func.sum(StockMove.value)
    row: Bundle[Any] = Bundle(
        "on_hand",
        StockMove.location_id,
        StockMove.item_id,
        StockMove.lot,
        func.max(StockMove.expires_on).label("expires_on"),
        quantity.label("quantity"),
        value.label("value"),
        Item.sku,
        Item.name,
        Item.item_class,
        Item.unit_chain,
    )
    query = (
        select(row)
        .join(Item, Item.id == StockMove.item_id)
        .group_by(StockMove.location_id, StockMove.item_id, StockMove.lot, Item.id)
        .having(quantity != 0)
    )
    if item_id:
        query = query.where(StockMove.item_id == item_id)
    keys = [StockMove.location_id, StockMove.item_id, StockMove.lot]
    return page(session, query, keys, limit=limit, cursor=cursor, descending=False)


def moves(session: Session, *, limit: int, cursor: str | None, item_id: UUID | None) -> Page[StockMove]:
    query = select(StockMove)
    if item_id:
        query = query.where(StockMove.item_id == item_id)
    return page(session, query, [StockMove.id], limit=limit, cursor=cursor)


def _prepare(session: Session, context: Context, taking: Taking) -> tuple[Item, Decimal, date]:
    """The item, the quantity in base units, the site's date; nobody else moves this item here until we are done."""
    item = get(session, Item, taking.item_id)
    quantity = convert(taking.quantity, unit_chain(item.unit_chain).ratio(taking.unit))
    lock_stock(session, context.scope.location_id, {item.id})
    return item, quantity, today(location(session, context.scope.location_id).time_zone)


def lock_stock(session: Session, location_id: UUID, item_ids: Iterable[UUID]) -> None:
    """One at a time moves an item at a site; there is no balance row to lock. Sorted, so that nobody deadlocks."""
    for item_id in sorted(item_ids):
        key = cast(literal(f"stock {location_id} {item_id}"), Text)
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def lots(session: Session, item_id: UUID, lot: str | None = None) -> list[Lot]:
    """Every lot of the item that was ever here, or one of them (row-level security keeps it to the site)."""
    query = (
        select(
            StockMove.lot,
            StockMove.legal_entity_id,
            func.max(StockMove.expires_on),
            func.sum(StockMove.quantity),
            func.sum(StockMove.value),
        )
        .where(StockMove.item_id == item_id)
        .group_by(StockMove.lot, StockMove.legal_entity_id)
    )
    if lot is not None:
        query = query.where(StockMove.lot == lot)
    return [Lot(*row) for row in session.execute(query)]


def check_expiry(session: Session, item_id: UUID, lot: str, expires_on: date | None) -> date | None:
    """The lot's expiry date. Raises LotExpiryDiffers where it is known with another one."""
    known = session.scalar(
        select(func.max(StockMove.expires_on)).where(StockMove.item_id == item_id, StockMove.lot == lot)
    )
    if known and expires_on and known != expires_on:
        raise LotExpiryDiffers(f"Lot {lot} expires on {known}, not on {expires_on}.")
    return expires_on or known


def take(
    session: Session,
    context: Context,
    item: Item,
    picks: Sequence[Pick],
    wanted: Decimal,
    reason: Reason,
    note: str | None,
    witnessed_by: UUID | None = None,
) -> list[StockMove]:
    """Move the picks out of stock, which is locked. Raises NotEnoughStock."""
    _check_enough(item, picks, wanted)
    return [
        move(
            session,
            context,
            item,
            replace(pick.lot, quantity=-pick.quantity, value=-pick.lot.cost_of(pick.quantity)),
            reason,
            note,
            witnessed_by,
        )
        for pick in picks
    ]


def move(
    session: Session,
    context: Context,
    item: Item,
    signed: Lot,
    reason: Reason,
    note: str | None,
    witnessed_by: UUID | None = None,
) -> StockMove:
    """Write a move and tell it; `signed` holds the signed quantity and value."""
    moved = StockMove(
        organization_id=context.organization_id,
        location_id=context.scope.location_id,
        legal_entity_id=signed.legal_entity_id,
        item_id=item.id,
        item_class=item.item_class,
        lot=signed.lot,
        expires_on=signed.expires_on,
        quantity=signed.quantity,
        value=signed.value,
        reason=reason,
        note=note,
        moved_by=context.principal_id,
        witnessed_by=witnessed_by,
        moved_at=now(),
    )
    session.add(moved)
    session.flush()
    told = {name: getattr(moved, name) for name in StockMoved.__struct_fields__ if name != "move_id"}
    emit(session, StockMoved(move_id=moved.id, **told), moved)
    return moved


def _check_enough(item: Item, picks: Sequence[Pick], wanted: Decimal) -> None:
    found = total(picks)
    if found < wanted:
        base = unit_chain(item.unit_chain).base
        raise NotEnoughStock(f"{item.name}: {found.normalize():f} {base} usable, {wanted.normalize():f} wanted.")
