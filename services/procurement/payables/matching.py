"""What the three-way match must know of orders, receipts and other bills."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.procurement.orders.models import PurchaseOrder
from services.procurement.payables import rules
from services.procurement.payables.models import BillLine, BillStatus, VendorBill
from services.procurement.payables.rules import Accrual, Compared, Hold
from services.procurement.receipts.models import ReceiptLine
from services.procurement.tolerances import service as tolerances

COUNTED = (BillStatus.MATCHED, BillStatus.APPROVED)


def holds(session: Session, order: PurchaseOrder, bill: VendorBill) -> list[Hold]:
    """Match a bill whose order is locked. The first bill to match keeps its share of what was received."""
    allowed = tolerances.current(session, order.organization_id)
    billed_before = _billed(session, bill, COUNTED)
    compared: list[Compared] = []
    for position, line in enumerate(bill.lines):
        ordered = order.line(line.order_line_id)
        compared.append(
            Compared(
                pointer=f"/lines/{position}",
                item=f"{ordered.item_name} ({ordered.sku})",
                unit=ordered.unit,
                ratio=ordered.ratio,
                billed=line.base_quantity,
                billed_before=billed_before.get(ordered.id, Decimal(0)),
                received=ordered.received,
                billed_price=line.unit_price,
                ordered_price=ordered.unit_price,
            )
        )
        # Two lines of one bill may ask for one order line.
        billed_before[ordered.id] = billed_before.get(ordered.id, Decimal(0)) + line.base_quantity
    goods = sum((line.amount for line in bill.lines), Decimal("0.00"))
    charges = bill.freight + bill.tax
    return rules.match(compared, goods, charges, price=allowed.bill_price, extra=allowed.extra_charges)


def accrued(session: Session, bill: VendorBill) -> Decimal:
    """What the receipts accrued for the goods of this bill, after the bills approved before it."""
    accruals = _accruals(session, bill.order_id)
    before = _billed(session, bill, (BillStatus.APPROVED,))
    total = Decimal("0.00")
    for line in bill.lines:
        done = before.get(line.order_line_id, Decimal(0))
        total += rules.cleared(accruals.get(line.order_line_id, []), done, line.base_quantity)
        before[line.order_line_id] = done + line.base_quantity
    return total


def _billed(session: Session, bill: VendorBill, statuses: tuple[BillStatus, ...]) -> dict[UUID, Decimal]:
    """Base units by order line on the order's other bills in these states."""
    query = (
        select(BillLine.order_line_id, func.sum(BillLine.base_quantity).label("billed"))
        .join(VendorBill, VendorBill.id == BillLine.bill_id)
        .where(VendorBill.order_id == bill.order_id, VendorBill.id != bill.id, VendorBill.status.in_(statuses))
        .group_by(BillLine.order_line_id)
    )
    with session.no_autoflush:
        return {row.order_line_id: row.billed for row in session.execute(query)}


def _accruals(session: Session, order_id: UUID) -> dict[UUID, list[Accrual]]:
    query = (
        select(ReceiptLine.order_line_id, ReceiptLine.base_quantity, ReceiptLine.amount)
        .where(ReceiptLine.order_id == order_id)
        .order_by(ReceiptLine.id)
    )
    found: dict[UUID, list[Accrual]] = {}
    for line_id, quantity, amount in session.execute(query):
        found.setdefault(line_id, []).append(Accrual(quantity, amount))
    return found
