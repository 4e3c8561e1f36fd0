"""Use cases of purchase orders."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.catalog.rules import convert
from services.procurement.orders.models import OrderLine, OrderVersion, PurchaseOrder
from services.procurement.orders.rules import split
from services.procurement.spend import service as spend
from services.procurement.vendors.models import Vendor
from shared.clock import now
from shared.contracts.procurement import OrderCancelled, OrderClosed, OrderPlaced, OrderRevised
from shared.db import get, lock
from shared.directory import agreement_for, entity
from shared.identity import Context
from shared.ids import new_id
from shared.money import cents
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page, page_of_rows
from shared.sql import insert_rows

COPIED = (
    "item_id",
    "sku",
    "item_name",
    "item_class",
    "vendor_sku",
    "quantity",
    "unit",
    "unit_numerator",
    "unit_denominator",
    "base_quantity",
    "unit_price",
    "amount",
)


@dataclass(frozen=True, slots=True)
class Revision:
    """A line's new quantity and price; None keeps what it was."""

    order_line_id: UUID
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


def place(session: Session, requisition: Any, on: date) -> list[PurchaseOrder]:
    """Order what an approved requisition asks for: one order per buying legal entity and vendor."""
    agreement = agreement_for(session, requisition.location_id, on)
    covered = agreement is not None and "procurement" in agreement.services
    mso = agreement.mso_id if agreement and covered else None
    parts = split(requisition.lines, requisition.legal_entity_id, mso)
    vendors = {vendor_id: get(session, Vendor, vendor_id) for _, vendor_id in parts}
    for vendor in vendors.values():
        vendor.check_active()
    placed = [
        _place_one(session, requisition, buyer, vendors[vendor_id], lines, on)
        for (buyer, vendor_id), lines in parts.items()
    ]
    if placed:
        spend.count(session, placed[0], orders=len(placed), total=sum((order.total for order in placed), Decimal(0)))
    return placed


def _place_one(
    session: Session, requisition: Any, buyer: UUID, vendor: Vendor, lines: list[Any], on: date
) -> PurchaseOrder:
    order = PurchaseOrder(
        id=new_id(),
        organization_id=requisition.organization_id,
        location_id=requisition.location_id,
        legal_entity_id=buyer,
        buyer_name=entity(session, buyer).name,
        number=next_number(session, requisition.organization_id, "PO", on.year, buyer),
        requisition_id=requisition.id,
        requester_id=requisition.requester_id,
        vendor_id=vendor.id,
        vendor_name=vendor.name,
        ordered_on=on,
        month=on.replace(day=1),
        need_by=requisition.need_by,
        total=sum((line.amount for line in lines), Decimal("0.00")),
        placed_at=now(),
    )
    session.add(order)
    session.flush()
    insert_rows(session, OrderLine, [_line(order, i, line) for i, line in enumerate(lines, start=1)])
    told = OrderPlaced(
        order_id=order.id,
        number=order.number,
        requisition_id=order.requisition_id,
        vendor_id=order.vendor_id,
        legal_entity_id=buyer,
        total=order.total,
        ordered_on=on,
    )
    emit(session, told, order)
    return order


def _line(order: PurchaseOrder, position: int, line: Any) -> dict[str, Any]:
    copied = {name: getattr(line, name) for name in COPIED}
    return copied | {
        "id": new_id(),
        "organization_id": order.organization_id,
        "location_id": order.location_id,
        "order_id": order.id,
        "position": position,
        "received": Decimal(0),
    }


def revise(
    session: Session,
    context: Context,
    order: PurchaseOrder,
    changes: list[Revision],
    reason: str,
) -> PurchaseOrder:
    """Change quantities and prices of a locked order; what it said before is kept.

    Raises NotAwaitingGoods, RevisionByRequester, RevisionAboveLimit, BelowReceived, NoSuchLine, NotExact.
    """
    order.check_revisable(context.principal_id)
    session.add(_version(order, context, reason))
    before = order.total
    for change in changes:
        _revise_line(order.line(change.order_line_id), change)
    order.total = sum((line.amount for line in order.lines), Decimal("0.00"))
    order.check_limit(context.limit("approval"))
    order.revision += 1
    order.arrived()
    session.flush()
    told = OrderRevised(order_id=order.id, number=order.number, revision=order.revision, total=order.total)
    emit(session, told, order)
    spend.count(session, order, orders=0, total=order.total - before)
    return order


def _revise_line(line: OrderLine, change: Revision) -> None:
    if change.unit_price is not None:
        line.unit_price = change.unit_price
    if change.quantity is not None:
        line.revise(change.quantity, convert(change.quantity, line.ratio))
    line.amount = cents(line.quantity * line.unit_price)


def _version(order: PurchaseOrder, context: Context, reason: str) -> OrderVersion:
    lines = [
        {"position": line.position} | {name: _text(getattr(line, name)) for name in COPIED} for line in order.lines
    ]
    return OrderVersion(
        organization_id=order.organization_id,
        location_id=order.location_id,
        order_id=order.id,
        revision=order.revision,
        total=order.total,
        lines=lines,
        replaced_by=context.principal_id,
        replaced_by_name=context.principal_name,
        replaced_at=now(),
        reason=reason,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def cancel(session: Session, order_id: UUID, reason: str) -> PurchaseOrder:
    """Raises AlreadyReceived, NotAwaitingGoods."""
    order = lock(session, PurchaseOrder, order_id)
    order.cancel(reason)
    session.flush()
    emit(session, OrderCancelled(order_id=order.id, number=order.number), order)
    spend.count(session, order, orders=-1, total=-order.total)
    return order


def close(session: Session, order_id: UUID, reason: str) -> PurchaseOrder:
    """Expect nothing more. Raises NothingToClose."""
    order = lock(session, PurchaseOrder, order_id)
    order.close(reason)
    session.flush()
    emit(session, OrderClosed(order_id=order.id, number=order.number), order)
    return order


def listing(
    session: Session,
    names: tuple[str, ...],
    *,
    limit: int,
    cursor: str | None,
    status: str | None,
    requisition_id: UUID | None,
) -> Page[Any]:
    """The columns `names` of orders, newest first."""
    equal = {"status": status, "requisition_id": requisition_id}
    return page_of_rows(session, PurchaseOrder, names, [PurchaseOrder.id], equal, limit=limit, cursor=cursor)


def versions(session: Session, order_id: UUID, *, limit: int, cursor: str | None) -> Page[OrderVersion]:
    query = select(OrderVersion).where(OrderVersion.order_id == order_id)
    return page(session, query, [OrderVersion.revision], limit=limit, cursor=cursor)
