"""Facts of the revenue cycle and the books. Clinical-plane events carry pseudonymous account ids only."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.contracts.base import AuditRecorded as _Audit
from shared.contracts.base import DecisionTaken as _Decision
from shared.contracts.base import Event


class ChargesImported(Event, frozen=True, kw_only=True):
    """A file of charges from the clinical system was taken in."""

    type = "billing.charges.imported"
    plane = "clinical"
    import_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    accepted: int
    repeated: int
    amount: Decimal


class InvoiceIssued(Event, frozen=True, kw_only=True):
    """An invoice was issued; immutable from now on. Carries no patient and no clinical wording."""

    type = "billing.invoice.issued"
    invoice_id: UUID
    number: str
    legal_entity_id: UUID
    location_id: UUID
    issued_on: date
    total: Decimal
    tax: Decimal


class CreditNoteIssued(Event, frozen=True, kw_only=True):
    """An issued invoice was lowered."""

    type = "billing.credit_note.issued"
    credit_note_id: UUID
    number: str
    invoice_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    issued_on: date
    total: Decimal
    tax: Decimal
    reason: str


class PaymentReceived(Event, frozen=True, kw_only=True):
    """Money came in and was allocated."""

    type = "billing.payment.received"
    payment_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    received_on: date
    amount: Decimal
    method: str


class PaymentAllocated(Event, frozen=True, kw_only=True):
    """Money that was on account was put against invoices."""

    type = "billing.payment.allocated"
    payment_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    allocated_on: date
    amount: Decimal


class RefundRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for a refund; a clinical one waits for the medical director."""

    type = "billing.refund.requested"
    refund_id: UUID
    payment_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    amount: Decimal
    reason: str


class RefundPaid(Event, frozen=True, kw_only=True):
    """Money went back to where it came from."""

    type = "billing.refund.paid"
    refund_id: UUID
    payment_id: UUID
    legal_entity_id: UUID
    location_id: UUID
    paid_on: date
    amount: Decimal
    method: str


class JournalPosted(Event, frozen=True, kw_only=True):
    """A balanced entry stands in the books of a legal entity."""

    type = "billing.journal_entry.posted"
    entry_id: UUID
    number: str
    legal_entity_id: UUID
    posted_on: date
    source_type: str
    source_id: UUID
    total: Decimal  # sum of the debits = sum of the credits


class FeeStatementDrafted(Event, frozen=True, kw_only=True):
    """The management fee of an agreement was computed for a period, with its working."""

    type = "billing.fee_statement.drafted"
    statement_id: UUID
    agreement_id: UUID
    legal_entity_id: UUID
    period: str
    amount: Decimal
    outcome: str


class FeeStatementApproved(Event, frozen=True, kw_only=True):
    """The clinical-entity owner approved a fee statement; both books got their side."""

    type = "billing.fee_statement.approved"
    statement_id: UUID
    agreement_id: UUID
    legal_entity_id: UUID
    mso_id: UUID
    period: str
    amount: Decimal


class PeriodClosed(Event, frozen=True, kw_only=True):
    """A month of one legal entity takes no more entries."""

    type = "billing.period.closed"
    period_id: UUID
    legal_entity_id: UUID
    period: str


class PatientAccountOpened(Event, frozen=True, kw_only=True):
    """A patient account was opened. Says nothing of the patient."""

    type = "billing.patient_account.opened"
    plane = "clinical"
    account_id: UUID
    number: str


class PatientAccountChanged(Event, frozen=True, kw_only=True):
    """Details of a patient account were replaced; names the fields, never what stands in them."""

    type = "billing.patient_account.changed"
    plane = "clinical"
    account_id: UUID
    fields: list[str]


class PeriodReopened(Event, frozen=True, kw_only=True):
    """A closed month of one legal entity was opened again, with a reason."""

    type = "billing.period.reopened"
    period_id: UUID
    legal_entity_id: UUID
    period: str
    reason: str


class PatientAccountRead(Event, frozen=True, kw_only=True):
    """Somebody looked at patient-level data (45 CFR 164.312(b)). Pseudonymous ids only."""

    type = "billing.patient_account.read"
    plane = "clinical"
    read_id: UUID
    account_ids: list[UUID]
    purpose: str | None
    masked: bool


class DecisionTaken(_Decision, frozen=True, kw_only=True):
    """A reserved decision of billing."""

    type = "billing.decision.taken"


class AuditRecorded(_Audit, frozen=True, kw_only=True):
    """Something in billing changed that no other event tells."""

    type = "billing.audit.recorded"
