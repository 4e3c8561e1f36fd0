"""Ask for, decide and pay refunds; what a refund takes off an invoice is open again."""

from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.billing.invoices import service as invoices
from services.billing.ledger import service as ledger
from services.billing.ledger.chart import CASH, PATIENT_DEPOSITS, RECEIVABLES
from services.billing.ledger.rules import Line
from services.billing.payments.models import Allocation, MoreThanPaid, Payment
from services.billing.payments.service import Share, on_invoices
from services.billing.refunds.models import Refund, RefundReason, RefundStatus
from shared import decisions, directory
from shared.clock import now, today
from shared.contracts.billing import RefundPaid, RefundRequested
from shared.db import get, lock
from shared.identity import Context
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page

CLINICAL = "billing.refund.clinical.approve"


def request(session: Session, context: Context, payment_id: UUID, amount: Decimal, reason: str) -> Refund:
    """Ask for a refund. One for a clinical reason waits for the medical director. Raises MoreThanPaid."""
    payment = get(session, Payment, payment_id)
    if amount > payment.refundable:
        raise MoreThanPaid(f"{payment.refundable} of {payment.amount} is left.", left=str(payment.refundable))
    refund = Refund(
        id=new_id(),
        organization_id=payment.organization_id,
        location_id=payment.location_id,
        legal_entity_id=payment.legal_entity_id,
        payment_id=payment.id,
        method=payment.method,
        amount=amount,
        reason=reason,
        status=RefundStatus.REQUESTED if reason == RefundReason.CLINICAL else RefundStatus.APPROVED,
        requested_by=context.principal_id,
        requested_at=now(),
    )
    session.add(refund)
    session.flush()
    fact = RefundRequested(
        refund_id=refund.id,
        payment_id=payment.id,
        legal_entity_id=refund.legal_entity_id,
        location_id=refund.location_id,
        amount=amount,
        reason=reason,
    )
    emit(session, fact, refund)
    return refund


def decide(session: Session, context: Context, refund_id: UUID, *, approved: bool) -> Refund:
    """The medical director decides on a refund for a clinical reason. Raises NotAwaitingDecision, NotTheDecider."""
    refund = lock(session, Refund, refund_id)
    refund.check_awaits_decision()
    outcome: Literal["approved", "refused"] = "approved" if approved else "refused"
    record = decisions.take(
        session,
        context,
        CLINICAL,
        outcome=outcome,
        legal_entity_id=refund.legal_entity_id,
        subject_type="refund",
        subject_id=refund.id,
        summary=f"A refund of {refund.amount} for a clinical reason was {outcome}.",
        proposed_by=refund.requested_by,
    )
    refund.decide(approved, record.id)
    session.flush()
    return refund


def pay(session: Session, context: Context, refund_id: UUID) -> Refund:
    """Send the money back: first what is on account, then what was allocated last. Raises MoreThanPaid."""
    refund = lock(session, Refund, refund_id)
    on = today(directory.location(session, refund.location_id).time_zone)
    refund.pay(context.principal_id, on)
    payment = lock(session, Payment, refund.payment_id)
    from_invoices = payment.give_back(refund.amount)
    _take_off(session, refund, _newest_first(on_invoices(session, payment.id), from_invoices))
    session.flush()
    _book(session, refund, payment.account_number, from_invoices, on)
    return refund


def _newest_first(lying: list[Share], wanted: Decimal) -> list[Share]:
    shares = []
    for share in lying:
        amount = min(share.amount, wanted)
        if amount > 0:
            shares.append(Share(share.invoice_id, amount))
            wanted -= amount
    return shares


def _take_off(session: Session, refund: Refund, shares: list[Share]) -> None:
    held = {invoice.id: invoice for invoice in invoices.hold(session, [share.invoice_id for share in shares])}
    for share in shares:
        held[share.invoice_id].reopen(share.amount)
    rows = [
        {
            "organization_id": refund.organization_id,
            "location_id": refund.location_id,
            "payment_id": refund.payment_id,
            "invoice_id": share.invoice_id,
            "amount": -share.amount,
            "refund_id": refund.id,
            "allocated_at": now(),
        }
        for share in shares
    ]
    if rows:
        session.execute(insert(Allocation), rows)


def _book(session: Session, refund: Refund, account_number: str, from_invoices: Decimal, on: date) -> None:
    site = refund.location_id
    debits = [(RECEIVABLES, from_invoices), (PATIENT_DEPOSITS, refund.amount - from_invoices)]
    ledger.post(
        session,
        legal_entity_id=refund.legal_entity_id,
        posted_on=on,
        source_type="refund",
        source_id=refund.id,
        memo=f"Refund to {account_number} by {refund.method}",
        lines=[
            *(Line(account, debit=amount, location_id=site) for account, amount in debits if amount),
            Line(CASH, credit=refund.amount, location_id=site),
        ],
    )
    fact = RefundPaid(
        refund_id=refund.id,
        payment_id=refund.payment_id,
        legal_entity_id=refund.legal_entity_id,
        location_id=site,
        paid_on=on,
        amount=refund.amount,
        method=refund.method,
    )
    emit(session, fact, refund)


def clinical_on(session: Session, invoice_id: UUID) -> Decimal:
    """What was refunded of an invoice for clinical reasons, by the medical director's decision."""
    query = (
        select(func.coalesce(-func.sum(Allocation.amount), Decimal(0)))
        .join(Refund, Refund.id == Allocation.refund_id)
        .where(Allocation.invoice_id == invoice_id, Refund.reason == RefundReason.CLINICAL)
    )
    return Decimal(session.execute(query).scalar_one())


def listing(session: Session, *, status: str | None, limit: int, cursor: str | None) -> Page[Refund]:
    """Refunds in scope, newest first."""
    query = select(Refund)
    if status:
        query = query.where(Refund.status == status)
    return page(session, query, [Refund.id], limit=limit, cursor=cursor)
