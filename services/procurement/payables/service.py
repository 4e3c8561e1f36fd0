"""Use cases of vendors' bills: enter, match, correct, release, approve."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.catalog.rules import convert
from services.procurement.orders.models import PurchaseOrder
from services.procurement.payables import matching
from services.procurement.payables.models import (
    BillDoesNotAddUp,
    BillKnown,
    BillLine,
    BillStatus,
    BillVersion,
    VendorBill,
)
from services.procurement.vendors.models import Vendor
from shared.clock import now
from shared.contracts.procurement import VendorBillApproved, VendorBillHeld
from shared.db import get, lock
from shared.identity import Context
from shared.ids import new_id
from shared.money import cents
from shared.outbox import emit
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True)
class BilledLine:
    """What a bill asks for one order line, in the order's unit."""

    order_line_id: UUID
    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Billed:
    """A bill as the vendor wrote it. `due_on` None: the vendor's terms."""

    number: str
    billed_on: date
    total: Decimal
    lines: Sequence[BilledLine]
    freight: Decimal = Decimal("0.00")
    tax: Decimal = Decimal("0.00")
    due_on: date | None = None


def enter(session: Session, context: Context, order_id: UUID, billed: Billed) -> VendorBill:
    """Enter a vendor's bill and match it. Raises BillKnown, BillDoesNotAddUp, NoSuchLine, NotExact."""
    order = lock(session, PurchaseOrder, order_id)
    bill = VendorBill(
        id=new_id(),
        organization_id=order.organization_id,
        location_id=order.location_id,
        legal_entity_id=order.legal_entity_id,
        vendor_id=order.vendor_id,
        vendor_name=order.vendor_name,
        order_id=order.id,
        order_number=order.number,
        status=BillStatus.MATCHED,
        released_holds=[],
        entered_by=context.principal_id,
        entered_at=now(),
    )
    _write(session, order, bill, billed)
    _match(session, order, bill)
    return bill


def correct(session: Session, context: Context, bill_id: UUID, billed: Billed) -> VendorBill:
    """Replace an open bill by its corrected version and match it anew. Raises BillSettled, and what `enter` raises.

    A release counted for the version before; it is gone.
    """
    order, bill = locked(session, bill_id)
    bill.check_open()
    session.add(_version(bill, context))
    bill.lines.clear()
    session.flush()
    _write(session, order, bill, billed)
    bill.revision += 1
    bill.corrected_by, bill.released_holds, bill.released_by, bill.release_reason = context.principal_id, [], None, None
    _match(session, order, bill)
    return bill


def rematch(session: Session, bill_id: UUID) -> VendorBill:
    """Match an open bill against what arrived since. Raises BillSettled."""
    order, bill = locked(session, bill_id)
    bill.check_open()
    _match(session, order, bill)
    return bill


def release(session: Session, context: Context, bill_id: UUID, reason: str) -> VendorBill:
    """Let a bill pass that is held for price or charges. Raises NothingToRelease, OwnBill, NotReleasable."""
    _, bill = locked(session, bill_id)
    bill.release(context.principal_id, reason)
    session.flush()
    return bill


def approve(session: Session, context: Context, bill_id: UUID) -> VendorBill:
    """Make a matched bill payable; a second time changes nothing. It is matched once more before.

    Raises BillHeld, OwnBill, BillAboveLimit, BillSettled.
    """
    order, bill = locked(session, bill_id)
    if bill.status in (BillStatus.MATCHED, BillStatus.HELD):
        bill.matched(matching.holds(session, order, bill))
    if not bill.approve(context.principal_id, context.principal_name, context.limit("approval"), now()):
        return bill
    bill.accrued = matching.accrued(session, bill)
    session.flush()
    told = {name: getattr(bill, name) for name in VendorBillApproved.__struct_fields__ if name not in ("bill_id",)}
    emit(session, VendorBillApproved(bill_id=bill.id, **told), bill)
    return bill


def cancel(session: Session, bill_id: UUID) -> VendorBill:
    """Drop a bill that was entered by mistake; its number is free again. Raises BillSettled."""
    _, bill = locked(session, bill_id)
    bill.cancel()
    session.flush()
    return bill


def listing(
    session: Session, *, limit: int, cursor: str | None, status: str | None, order_id: UUID | None
) -> Page[VendorBill]:
    query = select(VendorBill)
    if status:
        query = query.where(VendorBill.status == status)
    if order_id:
        query = query.where(VendorBill.order_id == order_id)
    return page(session, query, [VendorBill.id], limit=limit, cursor=cursor)


def versions(session: Session, bill_id: UUID, *, limit: int, cursor: str | None) -> Page[BillVersion]:
    query = select(BillVersion).where(BillVersion.bill_id == get(session, VendorBill, bill_id).id)
    return page(session, query, [BillVersion.revision], limit=limit, cursor=cursor)


def locked(session: Session, bill_id: UUID) -> tuple[PurchaseOrder, VendorBill]:
    """The bill's order, then the bill: everybody who matches bills of one order waits in the same place."""
    order_id = get(session, VendorBill, bill_id).order_id
    order = lock(session, PurchaseOrder, order_id)
    return order, lock(session, VendorBill, bill_id)


def _write(session: Session, order: PurchaseOrder, bill: VendorBill, billed: Billed) -> None:
    bill.number = " ".join(billed.number.split()).upper()
    _check_number(session, bill)
    terms = timedelta(days=get(session, Vendor, order.vendor_id).terms_days)
    bill.billed_on, bill.due_on = billed.billed_on, billed.due_on or billed.billed_on + terms
    bill.freight, bill.tax, bill.total = billed.freight, billed.tax, billed.total
    bill.lines.extend(_line(order, position, line) for position, line in enumerate(billed.lines, start=1))
    exact = sum((line.amount for line in bill.lines), billed.freight + billed.tax)
    if exact != billed.total:
        raise BillDoesNotAddUp(f"The total is {billed.total}, the parts sum to {exact}.")


def _check_number(session: Session, bill: VendorBill) -> None:
    same = select(VendorBill.id).where(
        VendorBill.vendor_id == bill.vendor_id,
        VendorBill.number == bill.number,
        VendorBill.status != BillStatus.CANCELLED,
        VendorBill.id != bill.id,
    )
    with session.no_autoflush:
        if session.scalar(same):
            raise BillKnown(f"{bill.vendor_name} {bill.number}.")


def _line(order: PurchaseOrder, position: int, line: BilledLine) -> BillLine:
    ordered = order.line(line.order_line_id)
    return BillLine(
        id=new_id(),
        organization_id=order.organization_id,
        location_id=order.location_id,
        position=position,
        order_line_id=ordered.id,
        quantity=line.quantity,
        base_quantity=convert(line.quantity, ordered.ratio),
        unit_price=line.unit_price,
        amount=cents(line.quantity * line.unit_price),
    )


def _match(session: Session, order: PurchaseOrder, bill: VendorBill) -> None:
    before = bill.version
    bill.matched(matching.holds(session, order, bill))
    session.add(bill)
    session.flush()
    if bill.status == BillStatus.HELD and bill.version != before:
        told = VendorBillHeld(
            bill_id=bill.id,
            vendor_id=bill.vendor_id,
            legal_entity_id=bill.legal_entity_id,
            location_id=bill.location_id,
            reasons=[hold["detail"] for hold in bill.holds],
        )
        emit(session, told, bill)


def _version(bill: VendorBill, context: Context) -> BillVersion:
    lines: list[dict[str, Any]] = [
        {name: str(getattr(line, name)) for name in ("order_line_id", "quantity", "unit_price", "amount")}
        for line in bill.lines
    ]
    return BillVersion(
        organization_id=bill.organization_id,
        location_id=bill.location_id,
        bill_id=bill.id,
        revision=bill.revision,
        number=bill.number,
        total=bill.total,
        holds=bill.holds,
        document={"lines": lines, "freight": str(bill.freight), "tax": str(bill.tax), "billed_on": str(bill.billed_on)},
        replaced_by=context.principal_id,
        replaced_at=now(),
    )
