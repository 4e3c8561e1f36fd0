"""Receive payments and put them against invoices: never more than is open, never more than came in."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from stdnum import luhn

from services.billing.accounts.service import Place, check_billed_at
from services.billing.invoices import service as invoices
from services.billing.invoices.models import Invoice
from services.billing.ledger import posting
from services.billing.ledger import service as ledger
from services.billing.ledger.chart import CASH, PATIENT_DEPOSITS, RECEIVABLES
from services.billing.ledger.rules import Entry, Line
from services.billing.payments.models import AllocatedTwice, Allocation, CardNumber, Payment
from services.billing.payments.sql import NAMED, OPEN, RECEIVE
from shared import directory
from shared.amounts import cents, money
from shared.clock import now, today
from shared.contracts.billing import PaymentAllocated, PaymentReceived
from shared.db import lock
from shared.errors import NotFound
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
    found = _hold(session, place, account_id, allocations)
    payment = Payment(
        id=new_id(),
        version=1,
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        account_id=account_id,
        account_number=found.account_number,
        method=method,
        reference=reference,
        received_on=found.on,
        received_by=received_by,
        amount=amount,
        unallocated=amount,
        refunded=Decimal(0),
    )
    settled = _settle(payment, found.invoices, allocations)
    posting.write(session, RECEIVE, _entry(payment), _columns(payment, settled))
    _tell_received(session, payment)
    return payment


@dataclass(frozen=True, slots=True)
class _Found:
    """What a payment meets: the account's number, the site's day, the invoices, held, oldest first."""

    account_number: str
    on: date
    invoices: list[Invoice]


def _hold(session: Session, place: Place, account_id: UUID, allocations: list[Share] | None) -> _Found:
    query, asked = (OPEN, {}) if allocations is None else (NAMED, {"invoice_ids": _invoice_ids(allocations)})
    rows = query.rows(session, {"account_id": account_id, **asked})
    first = rows[0] if rows else None
    check_billed_at(place, first.legal_entity_id if first else None)
    if first is None or first.time_zone is None:
        raise NotFound("No such location.")
    held = [
        Invoice(id=row.id, account_id=row.account_id, number=row.number, open=money(row.open))
        for row in rows
        if row.id is not None
    ]
    return _Found(first.account_number, today(first.time_zone), held)


def allocate(session: Session, payment_id: UUID, allocations: list[Share] | None = None) -> Payment:
    """Put money on account against these invoices (None: the oldest open ones). Raises as `receive` does."""
    payment = lock(session, Payment, payment_id)
    if allocations is None:
        held = invoices.hold_open(session, payment.account_id)
    else:
        held = invoices.hold(session, _invoice_ids(allocations))
    settled = _settle(payment, held, allocations)
    session.flush()
    _record(session, payment, settled)
    _book_allocation(session, payment, sum((share.amount for share in settled), Decimal(0)))
    return payment


def _refuse_card_number(reference: str | None) -> None:
    digits = "".join(c for c in reference or "" if c.isdigit())
    if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
        raise CardNumber("Card numbers are never kept here.")


def _invoice_ids(allocations: list[Share]) -> list[UUID]:
    """Raises AllocatedTwice."""
    ids = [share.invoice_id for share in allocations]
    if len(set(ids)) < len(ids):
        raise AllocatedTwice("Add the amounts up.")
    return ids


def _settle(payment: Payment, held: list[Invoice], allocations: list[Share] | None) -> list[Share]:
    """Lower what is open on the held invoices and what the payment has on account."""
    if allocations is None:
        allocations = _oldest_first(held, payment.unallocated)
    invoice_of = {invoice.id: invoice for invoice in held}
    for share in allocations:
        invoice = invoice_of.get(share.invoice_id)
        if invoice is None:
            raise NotFound("No such invoice.")
        invoice.check_account(payment.account_id)
        invoice.settle(share.amount)
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


def _entry(payment: Payment) -> Entry:
    site, allocated = payment.location_id, payment.amount - payment.unallocated
    credits = [(RECEIVABLES, allocated), (PATIENT_DEPOSITS, payment.unallocated)]
    return Entry(
        payment.legal_entity_id,
        payment.received_on,
        "payment",
        payment.id,
        f"Payment of {payment.account_number} by {payment.method}",
        [
            Line(CASH, debit=payment.amount, location_id=site),
            *(Line(account, credit=amount, location_id=site) for account, amount in credits if amount),
        ],
    )


def _columns(payment: Payment, settled: list[Share]) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "location_id": payment.location_id,
        "account_id": payment.account_id,
        "account_number": payment.account_number,
        "method": payment.method,
        "reference": payment.reference,
        "received_on": payment.received_on,
        "received_by": payment.received_by,
        "amount": cents(payment.amount),
        "unallocated": cents(payment.unallocated),
        "allocation_ids": [new_id() for _ in settled],
        "invoice_ids": [share.invoice_id for share in settled],
        "amounts": [cents(share.amount) for share in settled],
        "allocated_at": now(),
    }


def _tell_received(session: Session, payment: Payment) -> None:
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
