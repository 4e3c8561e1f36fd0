"""Use cases of receipts: goods arrive, count once, and stand in stock."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.catalog.models import Item
from services.procurement.catalog.rules import convert
from services.procurement.inventory import service as inventory
from services.procurement.inventory.service import Arrival
from services.procurement.orders.models import PurchaseOrder
from services.procurement.receipts import rules
from services.procurement.receipts.models import ExpiredOnArrival, LotRequired, NotYet, Receipt, ReceiptLine, WrongScan
from services.procurement.receipts.rules import Delivered
from services.procurement.tolerances import service as tolerances
from shared.clock import now, today
from shared.contracts.procurement import ReceiptPosted, ReceivedLine
from shared.db import lock
from shared.directory import location
from shared.identity import Context
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came with one packing slip."""

    packing_slip: str
    lines: list[Delivered]
    received_on: date | None = None


def post(session: Session, context: Context, order_id: UUID, delivery: Delivery) -> tuple[Receipt, bool]:
    """Receive a delivery; the same slip with the same contents again is the same receipt (False: it was there).

    Raises PackingSlipReused, NotAwaitingGoods, OverReceipt, LotRequired, ExpiredOnArrival, LotExpiryDiffers,
    NoSuchLine, NotExact, NotYet, WrongScan.
    """
    order = lock(session, PurchaseOrder, order_id)
    today_here = today(location(session, order.location_id).time_zone)
    on = delivery.received_on or today_here
    if on > today_here:
        raise NotYet(f"Today is {today_here}.")
    items = _items(session, order)
    lines = [_read(order, items, line, on) for line in delivery.lines]
    known = _known(session, order, delivery.packing_slip)
    if known is not None:
        known.check_same(rules.fingerprint(lines))
        return known, False
    order.check_awaiting()
    receipt = _receipt(context, order, delivery.packing_slip, on, lines)
    _count(session, order, receipt, lines)
    receipt.number = next_number(session, order.organization_id, "GR", receipt.received_on.year, order.legal_entity_id)
    session.add(receipt)
    order.arrived()
    session.flush()
    inventory.receive(session, context, order.legal_entity_id, [_arrival(line) for line in receipt.lines])
    _tell(session, receipt)
    return receipt, True


def listing(session: Session, *, limit: int, cursor: str | None, order_id: UUID | None) -> Page[Receipt]:
    query = select(Receipt)
    if order_id:
        query = query.where(Receipt.order_id == order_id)
    return page(session, query, [Receipt.id], limit=limit, cursor=cursor)


def _items(session: Session, order: PurchaseOrder) -> dict[UUID, Item]:
    wanted = [line.item_id for line in order.lines]
    return {item.id: item for item in session.scalars(select(Item).where(Item.id.in_(wanted)))}


def _known(session: Session, order: PurchaseOrder, packing_slip: str) -> Receipt | None:
    query = select(Receipt).where(Receipt.order_id == order.id, Receipt.packing_slip == rules.slip(packing_slip))
    return session.scalars(query).one_or_none()


def _read(order: PurchaseOrder, items: dict[UUID, Item], line: Delivered, on: date) -> Delivered:
    """The line with what its scanned code says, checked against the item."""
    item = items[order.line(line.order_line_id).item_id]
    if line.scan:
        scan = rules.read_scan(line.scan)
        if not rules.same_product(scan.gtin, item.gtin):
            raise WrongScan(f"{item.name} has GTIN {item.gtin or 'none'}, the code says {scan.gtin}.")
        if item.lot_tracked:
            line = replace(line, lot=line.lot or scan.lot, expires_on=line.expires_on or scan.expires_on)
    if item.lot_tracked != bool(line.lot) or item.lot_tracked != (line.expires_on is not None):
        needs = "needs its lot and expiry date" if item.lot_tracked else "has neither lot nor expiry date"
        raise LotRequired(f"{item.name} ({item.sku}) {needs}.")
    if line.expires_on and line.expires_on < on:
        raise ExpiredOnArrival(f"{item.name}, lot {line.lot}, expired on {line.expires_on}.")
    return line


def _receipt(context: Context, order: PurchaseOrder, packing_slip: str, on: date, lines: list[Delivered]) -> Receipt:
    return Receipt(
        id=new_id(),
        organization_id=order.organization_id,
        location_id=order.location_id,
        legal_entity_id=order.legal_entity_id,
        order_id=order.id,
        order_number=order.number,
        vendor_id=order.vendor_id,
        vendor_name=order.vendor_name,
        packing_slip=rules.slip(packing_slip),
        fingerprint=rules.fingerprint(lines),
        received_on=on,
        received_by=context.principal_id,
        received_by_name=context.principal_name,
        posted_at=now(),
    )


def _count(session: Session, order: PurchaseOrder, receipt: Receipt, lines: list[Delivered]) -> None:
    """Count every lot against its order line, which is locked with the order; nothing goes beyond the tolerance."""
    allowed = tolerances.current(session, order.organization_id).over_receipt
    for position, line in enumerate(lines, start=1):
        ordered = order.line(line.order_line_id)
        base = convert(line.quantity, ordered.ratio)
        amount = rules.amount(ordered.unit_price, ordered.ratio, ordered.received, base)
        ordered.receive(base, allowed)
        receipt.lines.append(
            ReceiptLine(
                id=new_id(),
                organization_id=order.organization_id,
                location_id=order.location_id,
                position=position,
                order_id=order.id,
                order_line_id=ordered.id,
                item_id=ordered.item_id,
                sku=ordered.sku,
                item_name=ordered.item_name,
                item_class=ordered.item_class,
                quantity=line.quantity,
                unit=ordered.unit,
                base_quantity=base,
                lot=line.lot or "",
                expires_on=line.expires_on,
                amount=amount,
            )
        )
    receipt.amount = sum((line.amount for line in receipt.lines), Decimal("0.00"))


def _arrival(line: ReceiptLine) -> Arrival:
    return Arrival(
        receipt_line_id=line.id,
        item_id=line.item_id,
        item_class=line.item_class,
        lot=line.lot,
        expires_on=line.expires_on,
        quantity=line.base_quantity,
        value=line.amount,
    )


def _tell(session: Session, receipt: Receipt) -> None:
    told: dict[str, Any] = {
        name: getattr(receipt, name) for name in ReceiptPosted.__struct_fields__ if name not in ("receipt_id", "lines")
    }
    lines = [
        ReceivedLine(
            receipt_line_id=line.id,
            order_line_id=line.order_line_id,
            item_id=line.item_id,
            sku=line.sku,
            item_class=line.item_class,
            quantity=line.base_quantity,
            amount=line.amount,
            lot=line.lot or None,
            expires_on=line.expires_on,
        )
        for line in receipt.lines
    ]
    emit(session, ReceiptPosted(receipt_id=receipt.id, lines=lines, **told), receipt)
