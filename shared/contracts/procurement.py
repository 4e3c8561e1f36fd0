"""Facts of procurement that others build on: what was ordered, received and billed, and in whose books it stands."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from shared.contracts.base import AuditRecorded as _Audit
from shared.contracts.base import DecisionTaken as _Decision
from shared.contracts.base import Event


class VendorRecorded(Event, frozen=True, kw_only=True):
    """The present state of a vendor (a snapshot)."""

    type = "procurement.vendor.recorded"
    vendor_id: UUID
    code: str
    name: str
    status: str


class ItemRecorded(Event, frozen=True, kw_only=True):
    """The present state of a catalogue item (a snapshot)."""

    type = "procurement.item.recorded"
    item_id: UUID
    sku: str
    name: str
    item_class: str
    status: str


class FormularyProposed(Event, frozen=True, kw_only=True):
    """The business side proposed an item for a clinical entity's formulary."""

    type = "procurement.formulary_entry.proposed"
    entry_id: UUID
    legal_entity_id: UUID
    item_id: UUID
    proposed_by: UUID


class FormularyDecided(Event, frozen=True, kw_only=True):
    """The medical director decided on a formulary proposal, or withdrew an approval."""

    type = "procurement.formulary_entry.decided"
    entry_id: UUID
    legal_entity_id: UUID
    item_id: UUID
    status: str
    decided_by: UUID


class RequisitionSubmitted(Event, frozen=True, kw_only=True):
    """A site asked for goods."""

    type = "procurement.requisition.submitted"
    requisition_id: UUID
    number: str
    total: Decimal
    requester_id: UUID


class RequisitionApproved(Event, frozen=True, kw_only=True):
    """A requisition passed its whole approval chain."""

    type = "procurement.requisition.approved"
    requisition_id: UUID
    number: str
    total: Decimal
    approver_id: UUID


class RequisitionRejected(Event, frozen=True, kw_only=True):
    """An approver sent a requisition back, with a reason."""

    type = "procurement.requisition.rejected"
    requisition_id: UUID
    number: str
    rejected_by: UUID


class RequisitionCancelled(Event, frozen=True, kw_only=True):
    """A requisition was withdrawn before it was ordered."""

    type = "procurement.requisition.cancelled"
    requisition_id: UUID
    number: str


class OrderPlaced(Event, frozen=True, kw_only=True):
    """A purchase order was issued to a vendor in the name of one legal entity."""

    type = "procurement.order.placed"
    order_id: UUID
    number: str
    requisition_id: UUID | None
    vendor_id: UUID
    legal_entity_id: UUID
    total: Decimal
    ordered_on: date


class OrderRevised(Event, frozen=True, kw_only=True):
    """A purchase order was sent to its vendor in a new version."""

    type = "procurement.order.revised"
    order_id: UUID
    number: str
    revision: int
    total: Decimal


class OrderCancelled(Event, frozen=True, kw_only=True):
    """A purchase order was cancelled before anything arrived."""

    type = "procurement.order.cancelled"
    order_id: UUID
    number: str


class OrderClosed(Event, frozen=True, kw_only=True):
    """Nothing more is expected of a purchase order."""

    type = "procurement.order.closed"
    order_id: UUID
    number: str


class ReceivedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One received lot: quantity in base units, amount in money at the order's price."""

    receipt_line_id: UUID
    order_line_id: UUID
    item_id: UUID
    sku: str
    item_class: str
    quantity: Decimal
    amount: Decimal
    lot: str | None
    expires_on: date | None


class ReceiptPosted(Event, frozen=True, kw_only=True):
    """Goods arrived at a location. `amount` = sum of the lines; it is owed by `legal_entity_id` once billed."""

    type = "procurement.receipt.posted"
    receipt_id: UUID
    number: str
    order_id: UUID
    order_number: str
    vendor_id: UUID
    vendor_name: str
    legal_entity_id: UUID
    location_id: UUID
    received_on: date
    amount: Decimal
    lines: list[ReceivedLine]


class VendorBillHeld(Event, frozen=True, kw_only=True):
    """The three-way match stopped a bill."""

    type = "procurement.vendor_bill.held"
    bill_id: UUID
    vendor_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    reasons: list[str]


class VendorBillApproved(Event, frozen=True, kw_only=True):
    """A bill matched and was approved. `total` is payable; `accrued` was accrued by receipts; the rest is variance."""

    type = "procurement.vendor_bill.approved"
    bill_id: UUID
    number: str
    vendor_id: UUID
    vendor_name: str
    legal_entity_id: UUID
    location_id: UUID
    order_id: UUID
    billed_on: date
    due_on: date
    total: Decimal
    accrued: Decimal


class StockMoved(Event, frozen=True, kw_only=True):
    """Stock changed at a location for a reason other than a receipt (count, usage, waste). `value` is signed money."""

    type = "procurement.stock.moved"
    move_id: UUID
    location_id: UUID
    legal_entity_id: UUID
    item_id: UUID
    item_class: str
    reason: str
    quantity: Decimal
    value: Decimal
    moved_at: datetime


class DecisionTaken(_Decision, frozen=True, kw_only=True):
    """A reserved decision of procurement."""

    type = "procurement.decision.taken"


class AuditRecorded(_Audit, frozen=True, kw_only=True):
    """Something in procurement changed that no other event tells."""

    type = "procurement.audit.recorded"
