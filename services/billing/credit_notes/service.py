"""Issue credit notes against invoices."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.billing.charges.models import Charge
from services.billing.credit_notes.models import (
    CreditNote,
    CreditNoteLine,
    CreditReason,
    FreeCareNotDecided,
    RebillOfPart,
)
from services.billing.credit_notes.rules import Part, Taken, some, whole
from services.billing.invoices.models import Invoice
from services.billing.invoices.rules import revenue_lines
from services.billing.invoices.service import lines_of
from services.billing.ledger import service as ledger
from services.billing.ledger.chart import RECEIVABLES
from services.billing.ledger.rules import Line
from services.billing.refunds.service import clinical_on
from shared import directory
from shared.clock import today
from shared.contracts.billing import CreditNoteIssued
from shared.db import lock
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page


def issue(
    session: Session,
    issued_by: UUID,
    invoice_id: UUID,
    *,
    reason: str,
    lines: Sequence[tuple[UUID, Decimal]] | None = None,
    rebill: bool = False,
) -> CreditNote:
    """Credit these amounts of these lines (None: all that is left). With `rebill` the charges are billable again.

    Raises MoreThanOpen (refund what was paid first), MoreThanTheLine, NothingToCredit, RebillOfPart,
    FreeCareNotDecided.
    """
    invoice = lock(session, Invoice, invoice_id)
    taken = _taken(session, invoice.id)
    invoiced = lines_of(session, invoice.id)
    parts = whole(invoiced, taken) if lines is None else some(invoiced, taken, lines)
    note = _note(session, invoice, parts, issued_by, reason, rebill)
    if reason == CreditReason.CLINICAL:
        _check_decided(session, invoice, note.total)
    invoice.settle(note.total)
    if rebill:
        _release(session, invoice, note)
    session.flush()
    note.number = next_number(session, note.organization_id, "CN", note.issued_on.year, note.legal_entity_id)
    session.add(note)
    session.flush()
    session.execute(insert(CreditNoteLine), [_line(note, part) for part in parts])
    _book(session, note, invoice, parts)
    return note


def _taken(session: Session, invoice_id: UUID) -> Taken:
    query = (
        select(CreditNoteLine.invoice_line_id, func.sum(CreditNoteLine.amount), func.sum(CreditNoteLine.tax))
        .join(CreditNote, CreditNote.id == CreditNoteLine.credit_note_id)
        .where(CreditNote.invoice_id == invoice_id)
        .group_by(CreditNoteLine.invoice_line_id)
    )
    return {line_id: (amount, tax) for line_id, amount, tax in session.execute(query)}


def _note(
    session: Session, invoice: Invoice, parts: list[Part], issued_by: UUID, reason: str, rebill: bool
) -> CreditNote:
    subtotal = sum((part.amount for part in parts), Decimal(0))
    tax = sum((part.tax for part in parts), Decimal(0))
    return CreditNote(
        id=new_id(),
        organization_id=invoice.organization_id,
        location_id=invoice.location_id,
        legal_entity_id=invoice.legal_entity_id,
        invoice_id=invoice.id,
        issued_on=today(directory.location(session, invoice.location_id).time_zone),
        issued_by=issued_by,
        reason=reason,
        rebill=rebill,
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
    )


def _check_decided(session: Session, invoice: Invoice, total: Decimal) -> None:
    query = select(func.coalesce(func.sum(CreditNote.total), Decimal(0))).where(
        CreditNote.invoice_id == invoice.id, CreditNote.reason == CreditReason.CLINICAL
    )
    left = clinical_on(session, invoice.id) - Decimal(session.execute(query).scalar_one())
    if total > left:
        raise FreeCareNotDecided(f"{left} was refunded for clinical reasons and is not credited.", left=str(left))


def _release(session: Session, invoice: Invoice, note: CreditNote) -> None:
    if note.total != invoice.total:
        raise RebillOfPart(f"It credits {note.total} of {invoice.total}.")
    billed = select(Charge).where(Charge.invoice_id == invoice.id).order_by(Charge.id).with_for_update()
    for charge in session.execute(billed).scalars():
        charge.release()


def _line(note: CreditNote, part: Part) -> dict[str, object]:
    return {
        "organization_id": note.organization_id,
        "location_id": note.location_id,
        "credit_note_id": note.id,
        "invoice_line_id": part.line.id,
        "item_class": part.line.item_class,
        "amount": part.amount,
        "tax": part.tax,
    }


def _book(session: Session, note: CreditNote, invoice: Invoice, parts: list[Part]) -> None:
    if note.total:
        taken_back = ((part.line.item_class, part.amount, part.tax) for part in parts)
        ledger.post(
            session,
            legal_entity_id=note.legal_entity_id,
            posted_on=note.issued_on,
            source_type="credit_note",
            source_id=note.id,
            memo=f"Credit note {note.number} to {invoice.number}",
            lines=[
                *revenue_lines(taken_back, note.location_id, reverse=True),
                Line(RECEIVABLES, credit=note.total, location_id=note.location_id),
            ],
        )
    fact = CreditNoteIssued(
        credit_note_id=note.id,
        number=note.number,
        invoice_id=note.invoice_id,
        legal_entity_id=note.legal_entity_id,
        location_id=note.location_id,
        issued_on=note.issued_on,
        total=note.total,
        tax=note.tax,
        reason=note.reason,
    )
    emit(session, fact, note)


def lines_of_note(session: Session, note_id: UUID) -> list[CreditNoteLine]:
    """The lines of a credit note."""
    query = select(CreditNoteLine).where(CreditNoteLine.credit_note_id == note_id).order_by(CreditNoteLine.id)
    return list(session.execute(query).scalars())


def listing(session: Session, *, invoice_id: UUID | None, limit: int, cursor: str | None) -> Page[CreditNote]:
    """Credit notes in scope, newest first."""
    query = select(CreditNote)
    if invoice_id:
        query = query.where(CreditNote.invoice_id == invoice_id)
    return page(session, query, [CreditNote.id], limit=limit, cursor=cursor)
