"""Preview and issue invoices; show them, and the patient's own statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services.billing.accounts.models import Details, Purpose
from services.billing.accounts.service import Place, check_billed_at
from services.billing.accounts.service import read as read_account
from services.billing.invoices.models import ChargesNotBillable, Invoice, InvoiceLine, NothingToInvoice
from services.billing.invoices.rules import Priced, PricedLine, Rate, Waiting, price, revenue_lines
from services.billing.invoices.sql import ISSUE, ISSUE_FREE, WAITING, WAITING_HELD
from services.billing.ledger import posting
from services.billing.ledger.chart import RECEIVABLES
from services.billing.ledger.rules import Entry, Line
from services.billing.sealing import FieldKeys
from shared.amounts import cents, money, unit_price
from shared.clock import today
from shared.contracts.billing import InvoiceIssued
from shared.db import get
from shared.errors import NotFound
from shared.identity import Context
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page
from shared.sql import Sql


@dataclass(frozen=True, slots=True, repr=False)
class Statement:
    """An invoice as the patient gets it."""

    invoice: Invoice
    lines: list[InvoiceLine]
    bill_to: Details


def preview(session: Session, place: Place, account_id: UUID, charge_ids: list[UUID] | None = None) -> Priced:
    """What an invoice of these charges (None: all that wait) would come to. Raises NothingToInvoice, TaxUnknown."""
    return _price(session, place, account_id, charge_ids, WAITING).priced


def issue(
    session: Session, place: Place, account_id: UUID, charge_ids: list[UUID] | None = None, terms_days: int = 0
) -> Invoice:
    """Issue an invoice for these charges (None: all that wait) and book it. Raises NothingToInvoice, TaxUnknown."""
    found = _price(session, place, account_id, charge_ids, WAITING_HELD)
    priced = found.priced
    invoice = Invoice(
        id=new_id(),
        version=1,
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        account_id=account_id,
        account_number=found.account_number,
        issued_on=found.on,
        due_on=found.on + timedelta(days=terms_days),
        subtotal=priced.subtotal,
        tax=priced.tax,
        total=priced.total,
        open=priced.total,
    )
    invoice.number = _write(session, invoice, priced.lines)
    _tell(session, invoice)
    return invoice


@dataclass(frozen=True, slots=True)
class _Found:
    """What an invoice is made from: the account's number, the site's day, the charges and their taxes."""

    account_number: str
    on: date
    priced: Priced


def _price(session: Session, place: Place, account_id: UUID, charge_ids: list[UUID] | None, query: Sql) -> _Found:
    # No site's day is later than this.
    latest = today() + timedelta(days=1)
    asked = {"account_id": account_id, "charge_ids": charge_ids, "latest": latest}
    rows = query.rows(session, asked)
    first = rows[0] if rows else None
    check_billed_at(place, first.legal_entity_id if first else None)
    if first is None or first.time_zone is None:
        raise NotFound("No such location.")
    on = today(first.time_zone)
    charges, rules = _read(rows, on)
    _check_found(charges, charge_ids)
    where = f"{first.locality}, {first.state}" if first.locality else first.state
    return _Found(first.number, on, price(charges, rules, where))


def _read(rows: Sequence[Any], on: date) -> tuple[list[Waiting], dict[str, Rate]]:
    charges: dict[UUID, Waiting] = {}
    rules: dict[str, Rate] = {}
    for row in rows:
        if row.id is not None and row.id not in charges:
            amounts = unit_price(row.unit_price), money(row.amount)
            charges[row.id] = Waiting(row.id, row.item_class, row.quantity, *amounts)
        if row.effective_from is not None and row.effective_from <= on:
            rules[row.item_class] = Rate(row.rule_id, row.rate)
    return list(charges.values()), rules


def _check_found(found: list[Waiting], charge_ids: list[UUID] | None) -> None:
    if charge_ids is not None and len(found) < len(set(charge_ids)):
        missing = sorted({str(each) for each in charge_ids} - {str(charge.id) for charge in found})
        raise ChargesNotBillable("They are billed, voided, or not of this account.", charges=missing)
    if not found:
        raise NothingToInvoice("Every charge of it is billed.")


def _write(session: Session, invoice: Invoice, lines: list[PricedLine]) -> str:
    """Write everything there is of an invoice in one statement; gives its number."""
    values = _columns(invoice, lines)
    if not invoice.total:
        (issued,) = ISSUE_FREE.rows(session, values | {"entry_year": invoice.issued_on.year})
        return str(issued.number)
    parts = ((line.charge.item_class, line.amount, line.tax) for line in lines)
    receivable = Line(RECEIVABLES, debit=invoice.total, location_id=invoice.location_id)
    entry = Entry(
        invoice.legal_entity_id,
        invoice.issued_on,
        "invoice",
        invoice.id,
        "Invoice",  # the statement adds its number
        [receivable, *revenue_lines(parts, invoice.location_id)],
    )
    return str(posting.write(session, ISSUE, entry, values).number)


def _columns(invoice: Invoice, lines: list[PricedLine]) -> dict[str, Any]:
    return {
        "invoice_id": invoice.id,
        "organization_id": invoice.organization_id,
        "location_id": invoice.location_id,
        "legal_entity_id": invoice.legal_entity_id,
        "account_id": invoice.account_id,
        "account_number": invoice.account_number,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "subtotal": cents(invoice.subtotal),
        "tax": cents(invoice.tax),
        "total": cents(invoice.total),
        "charge_ids": [line.charge.id for line in lines],
        "lines": orjson.dumps([_line(position, line) for position, line in enumerate(lines, 1)]).decode(),
    }


def _line(position: int, line: PricedLine) -> dict[str, Any]:
    """What an invoice's line has beside its charge."""
    return {
        "id": new_id(),
        "position": position,
        "charge_id": line.charge.id,
        "tax_rule_id": line.rule.id,
        "tax_rate": str(line.rule.rate),
        "tax": cents(line.tax),
    }


def _tell(session: Session, invoice: Invoice) -> None:
    fact = InvoiceIssued(
        invoice_id=invoice.id,
        number=invoice.number,
        legal_entity_id=invoice.legal_entity_id,
        location_id=invoice.location_id,
        issued_on=invoice.issued_on,
        total=invoice.total,
        tax=invoice.tax,
    )
    emit(session, fact, invoice)


def lines_of(session: Session, invoice_id: UUID) -> list[InvoiceLine]:
    """The lines of an invoice in their order."""
    query = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
    return list(session.execute(query).scalars())


def listing(
    session: Session, *, account_id: UUID | None, only_open: bool, limit: int, cursor: str | None
) -> Page[Invoice]:
    """Invoices in scope, newest first."""
    query = select(Invoice)
    if account_id:
        query = query.where(Invoice.account_id == account_id)
    if only_open:
        query = query.where(Invoice.open > 0)
    return page(session, query, [Invoice.id], limit=limit, cursor=cursor)


def statement(session: Session, keys: FieldKeys, context: Context, invoice_id: UUID, purpose: Purpose) -> Statement:
    """An invoice with the patient's name and what was done; a look at patient-level data."""
    invoice = get(session, Invoice, invoice_id)
    _, details = read_account(session, keys, context, invoice.account_id, purpose)
    return Statement(invoice, lines_of(session, invoice.id), details)


def hold_open(session: Session, account_id: UUID) -> list[Invoice]:
    """Every open invoice of an account, locked, oldest first."""
    return _hold(session, select(Invoice).where(Invoice.account_id == account_id, Invoice.open > 0))


def hold(session: Session, invoice_ids: Collection[UUID]) -> list[Invoice]:
    """Those of these invoices that are in scope, locked."""
    return _hold(session, select(Invoice).where(Invoice.id.in_(invoice_ids))) if invoice_ids else []


def _hold(session: Session, query: Select[Invoice]) -> list[Invoice]:
    # Everybody locks in the same order, so nobody waits in a circle.
    locked = query.order_by(Invoice.id).with_for_update().execution_options(populate_existing=True)
    return list(session.execute(locked).scalars())
