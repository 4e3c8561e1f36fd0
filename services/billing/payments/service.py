"""Receive payments and put them against invoices: never more than is open, never more than came in."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from stdnum import luhn

from services.billing.accounts.service import Place, account_at
from services.billing.invoices import service as invoices
from services.billing.invoices.models import Invoice
from services.billing.ledger import service as ledger
from services.billing.ledger.chart import CASH, PATIENT_DEPOSITS, RECEIVABLES
from services.billing.ledger.rules import Line
from services.billing.payments.models import AllocatedTwice, Allocation, CardNumber, Payment
from shared import directory
from shared.clock import now, today
from shared.contracts.billing import PaymentAllocated, PaymentReceived
from shared.db import lock
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True)
class Share:
    """So much of a payment for an invoice."""

    invoice_id: UUID
    amount: Decimal


def receive(
    session: Session,
    place: Place,
    received_by: UUID,
    account_id: UUID,
    *,
    method: str,
    amount: Decimal,
    reference: str | None = None,
    allocations: list[Share] | None = None,
) -> Payment:
    """Take money for an account, against these invoices (None: the oldest open ones); the rest stays on account.

    Raises MoreThanOpen, MoreThanOnAccount, InvoiceOfAnotherAccount, CardNumber.
    """
    _refuse_card_number(reference)
    account = account_at(session, place, account_id)
    payment = Payment(
        id=new_id(),
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        account_id=account.id,
        account_number=account.number,
        method=method,
        reference=reference,
        received_on=today(directory.location(session, place.location_id).time_zone),
        received_by=received_by,
        amount=amount,
        unallocated=amount,
        refunded=Decimal(0),
    )
    settled = _settle(session, payment, allocations)
    session.add(payment)
    session.flush()
    _record(session, payment, settled)
    _book_receipt(session, payment)
    return payment


def allocate(session: Session, payment_id: UUID, allocations: list[Share] | None = None) -> Payment:
    """Put money on account against these invoices (None: the oldest open ones). Raises as `receive` does."""
    payment = lock(session, Payment, payment_id)
    settled = _settle(session, payment, allocations)
    session.flush()
    _record(session, payment, settled)
    _book_allocation(session, payment, sum((share.amount for share in settled), Decimal(0)))
    return payment


def _refuse_card_number(reference: str | None) -> None:
    digits = "".join(c for c in reference or "" if c.isdigit())
    if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
        raise CardNumber("Card numbers are never kept here.")


def _settle(session: Session, payment: Payment, allocations: list[Share] | None) -> list[Share]:
    """Lower what is open on the invoices and what the payment has on account."""
    if allocations is None:
        open_invoices = invoices.hold_open(session, payment.account_id)
        held = {invoice.id: invoice for invoice in open_invoices}
        allocations = _oldest_first(open_invoices, payment.unallocated)
    else:
        if len({share.invoice_id for share in allocations}) < len(allocations):
            raise AllocatedTwice("Add the amounts up.")
        held = invoices.hold(session, [share.invoice_id for share in allocations]) if allocations else {}
    for share in allocations:
        held[share.invoice_id].check_account(payment.account_id)
        held[share.invoice_id].settle(share.amount)
        payment.allocate(share.amount)
    return allocations


def _oldest_first(open_invoices: list[Invoice], left: Decimal) -> list[Share]:
    shares = []
    for invoice in open_invoices:
        amount = min(invoice.open, left)
        if amount > 0:
            shares.append(Share(invoice.id, amount))
            left -= amount
    return shares


def _record(session: Session, payment: Payment, settled: list[Share]) -> None:
    rows = [
        {
            "organization_id": payment.organization_id,
            "location_id": payment.location_id,
            "payment_id": payment.id,
            "invoice_id": share.invoice_id,
            "amount": share.amount,
            "allocated_at": now(),
        }
        for share in settled
    ]
    if rows:
        session.execute(insert(Allocation), rows)


def _book_receipt(session: Session, payment: Payment) -> None:
    site, allocated = payment.location_id, payment.amount - payment.unallocated
    credits = [(RECEIVABLES, allocated), (PATIENT_DEPOSITS, payment.unallocated)]
    ledger.post(
        session,
        legal_entity_id=payment.legal_entity_id,
        posted_on=payment.received_on,
        source_type="payment",
        source_id=payment.id,
        memo=f"Payment of {payment.account_number} by {payment.method}",
        lines=[
            Line(CASH, debit=payment.amount, location_id=site),
            *(Line(account, credit=amount, location_id=site) for account, amount in credits if amount),
        ],
    )
    fact = PaymentReceived(
        payment_id=payment.id,
        legal_entity_id=payment.legal_entity_id,
        location_id=payment.location_id,
        received_on=payment.received_on,
        amount=payment.amount,
        method=payment.method,
    )
    emit(session, fact, payment)


def _book_allocation(session: Session, payment: Payment, amount: Decimal) -> None:
    if not amount:
        return
    site = payment.location_id
    on = today(directory.location(session, site).time_zone)
    ledger.post(
        session,
        legal_entity_id=payment.legal_entity_id,
        posted_on=on,
        source_type="payment_allocation",
        source_id=new_id(),
        memo=f"Deposit of {payment.account_number} used",
        lines=[
            Line(PATIENT_DEPOSITS, debit=amount, location_id=site),
            Line(RECEIVABLES, credit=amount, location_id=site),
        ],
    )
    fact = PaymentAllocated(
        payment_id=payment.id,
        legal_entity_id=payment.legal_entity_id,
        location_id=site,
        allocated_on=on,
        amount=amount,
    )
    emit(session, fact, payment)


def allocations_of(session: Session, payment_id: UUID) -> list[Allocation]:
    """Every movement between a payment and invoices, oldest first."""
    query = select(Allocation).where(Allocation.payment_id == payment_id).order_by(Allocation.id)
    return list(session.execute(query).scalars())


def on_invoices(session: Session, payment_id: UUID) -> list[Share]:
    """What of a payment lies on each invoice now, the newest allocation first."""
    query = (
        select(Allocation.invoice_id, func.sum(Allocation.amount))
        .where(Allocation.payment_id == payment_id)
        .group_by(Allocation.invoice_id)
        .having(func.sum(Allocation.amount) > 0)
        .order_by(func.max(Allocation.allocated_at).desc(), Allocation.invoice_id.desc())
    )
    return [Share(invoice_id, amount) for invoice_id, amount in session.execute(query)]


def listing(
    session: Session, *, received_on: date | None, account_id: UUID | None, limit: int, cursor: str | None
) -> Page[Payment]:
    """Payments in scope, newest first."""
    query = select(Payment)
    if received_on:
        query = query.where(Payment.received_on == received_on)
    if account_id:
        query = query.where(Payment.account_id == account_id)
    return page(session, query, [Payment.id], limit=limit, cursor=cursor)
