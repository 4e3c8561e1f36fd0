"""What billing does on procurement's facts. Each is posted once per source, in the books of the entity that owes it."""

from datetime import UTC, date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.ledger.books import several_books
from services.billing.ledger.service import post
from services.billing.payables import rules
from services.billing.payables.models import CostFact
from shared import directory
from shared.contracts.base import Envelope
from shared.contracts.procurement import ReceiptPosted, StockMoved, VendorBillApproved
from shared.ids import new_id


def accrue_receipt(session: Session, envelope: Envelope, fact: ReceiptPosted) -> None:
    """Goods came in: they are ours and not invoiced yet."""
    entity = directory.entity(session, fact.legal_entity_id)
    lines = rules.receipt_lines(fact.lines, fact.location_id)
    if len(lines) > 1:
        memo = f"{fact.number} of {fact.order_number}, {fact.vendor_name}"
        _post(session, fact.legal_entity_id, fact.received_on, "receipt", fact.receipt_id, memo, lines)
    if entity.kind != "mso":
        return
    for line in fact.lines:
        _keep_cost(
            session,
            envelope,
            mso_id=entity.id,
            location_id=fact.location_id,
            category=rules.category_of(line.item_class),
            amount=line.amount,
            incurred_on=fact.received_on,
            source_type="receipt_line",
            source_id=line.receipt_line_id,
            document=f"{fact.number} {line.sku}",
            vendor_name=fact.vendor_name,
        )


def owe_bill(session: Session, envelope: Envelope, fact: VendorBillApproved) -> None:
    """A vendor's bill was approved: what was accrued becomes payable, the difference is price variance."""
    entity = directory.entity(session, fact.legal_entity_id)
    lines = rules.bill_lines(fact.total, fact.accrued, fact.location_id)
    if lines:
        memo = f"Bill {fact.number}, {fact.vendor_name}"
        _post(session, fact.legal_entity_id, fact.billed_on, "vendor_bill", fact.bill_id, memo, lines)
    if entity.kind == "mso" and fact.total != fact.accrued:
        _keep_cost(
            session,
            envelope,
            mso_id=entity.id,
            location_id=fact.location_id,
            category=rules.VARIANCE,
            amount=fact.total - fact.accrued,
            incurred_on=fact.billed_on,
            source_type="vendor_bill",
            source_id=fact.bill_id,
            document=f"Bill {fact.number}",
            vendor_name=fact.vendor_name,
        )


def value_stock_move(session: Session, _: Envelope, fact: StockMoved) -> None:
    """Stock was used, wasted or counted: its value leaves inventory, or comes back to it."""
    if fact.value == 0 or fact.item_class in rules.EXPENSED:
        return
    zone = ZoneInfo(directory.location(session, fact.location_id).time_zone)
    moved_on = fact.moved_at.replace(tzinfo=fact.moved_at.tzinfo or UTC).astimezone(zone).date()
    lines = rules.move_lines(fact.reason, fact.value, fact.location_id)
    _post(session, fact.legal_entity_id, moved_on, "stock_move", fact.move_id, f"Stock {fact.reason}", lines)


def _post(
    session: Session, legal_entity_id: UUID, on: date, source_type: str, source_id: UUID, memo: str, lines: Any
) -> None:
    several_books(session)  # the other events of this transaction may be other entities'
    post(
        session,
        legal_entity_id=legal_entity_id,
        posted_on=on,
        source_type=source_type,
        source_id=source_id,
        memo=memo,
        lines=lines,
        roll_forward=True,
    )


def _keep_cost(session: Session, envelope: Envelope, *, amount: Decimal, **values: Any) -> None:
    cost = {"id": new_id(), "organization_id": envelope.organizationid, "amount": amount, **values}
    session.execute(insert(CostFact).values(cost).on_conflict_do_nothing())


HANDLERS: dict[Any, Any] = {
    ReceiptPosted: accrue_receipt,
    VendorBillApproved: owe_bill,
    StockMoved: value_stock_move,
}
