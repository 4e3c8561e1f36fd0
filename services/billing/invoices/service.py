"""Preview and issue invoices; show them, and the patient's own statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from services.billing.accounts.models import Details, PatientAccount, Purpose
from services.billing.accounts.service import Place, account_at
from services.billing.accounts.service import read as read_account
from services.billing.charges import service as charges
from services.billing.charges.models import Charge
from services.billing.invoices.models import ChargesNotBillable, Invoice, InvoiceLine, NothingToInvoice
from services.billing.invoices.rules import Priced, PricedLine, price, revenue_lines
from services.billing.ledger import service as ledger
from services.billing.ledger.chart import RECEIVABLES
from services.billing.ledger.rules import Line
from services.billing.sealing import FieldKeys
from services.billing.tax import service as tax
from shared import directory
from shared.clock import today
from shared.contracts.billing import InvoiceIssued
from shared.db import get
from shared.errors import NotFound
from shared.identity import Context
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True, repr=False)
class Statement:
    """An invoice as the patient gets it."""

    invoice: Invoice
    lines: list[InvoiceLine]
    bill_to: Details


def preview(session: Session, place: Place, account_id: UUID, charge_ids: list[UUID] | None = None) -> Priced:
    """What an invoice of these charges (None: all that wait) would come to. Raises NothingToInvoice, TaxUnknown."""
    account = account_at(session, place, account_id)
    return _price(session, account, charge_ids, held=False)[0]


def issue(
    session: Session, place: Place, account_id: UUID, charge_ids: list[UUID] | None = None, terms_days: int = 0
) -> Invoice:
    """Issue an invoice for these charges (None: all that wait) and book it. Raises NothingToInvoice, TaxUnknown."""
    account = account_at(session, place, account_id)
    priced, on = _price(session, account, charge_ids, held=True)
    invoice = Invoice(
        id=new_id(),
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        account_id=account.id,
        account_number=account.number,
        issued_on=on,
        due_on=on + timedelta(days=terms_days),
        subtotal=priced.subtotal,
        tax=priced.tax,
        total=priced.total,
        open=priced.total,
    )
    for line in priced.lines:
        line.charge.bill(invoice.id)
    session.flush()
    # From here on everybody who invoices for this entity waits for us.
    invoice.number = next_number(session, place.organization_id, "INV", on.year, place.legal_entity_id)
    _write(session, invoice, priced)
    return invoice


def _price(
    session: Session, account: PatientAccount, charge_ids: list[UUID] | None, *, held: bool
) -> tuple[Priced, date]:
    found = charges.billable(session, account.id, charge_ids, held=held)
    _check_found(found, charge_ids)
    site = directory.location(session, account.location_id)
    on = today(site.time_zone)
    rules = tax.in_force(session, site.state, site.locality, on)
    return price(found, rules, f"{site.locality}, {site.state}" if site.locality else site.state), on


def _check_found(found: list[Charge], charge_ids: list[UUID] | None) -> None:
    if charge_ids is not None and len(found) < len(set(charge_ids)):
        missing = sorted({str(each) for each in charge_ids} - {str(charge.id) for charge in found})
        raise ChargesNotBillable("They are billed, voided, or not of this account.", charges=missing)
    if not found:
        raise NothingToInvoice("Every charge of it is billed.")


def _write(session: Session, invoice: Invoice, priced: Priced) -> None:
    session.add(invoice)
    session.flush()
    session.execute(insert(InvoiceLine), [_line(invoice, i, line) for i, line in enumerate(priced.lines, 1)])
    if invoice.total:
        parts = ((line.charge.item_class, line.amount, line.tax) for line in priced.lines)
        ledger.post(
            session,
            legal_entity_id=invoice.legal_entity_id,
            posted_on=invoice.issued_on,
            source_type="invoice",
            source_id=invoice.id,
            memo=f"Invoice {invoice.number}",
            lines=[
                Line(RECEIVABLES, debit=invoice.total, location_id=invoice.location_id),
                *revenue_lines(parts, invoice.location_id),
            ],
        )
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


def _line(invoice: Invoice, position: int, line: PricedLine) -> dict[str, object]:
    charge = line.charge
    return {
        "organization_id": invoice.organization_id,
        "location_id": invoice.location_id,
        "invoice_id": invoice.id,
        "position": position,
        "charge_id": charge.id,
        "service_on": charge.service_on,
        "code": charge.code,
        "item_class": charge.item_class,
        "quantity": charge.quantity,
        "unit_price": charge.unit_price,
        "amount": line.amount,
        "tax_rule_id": line.rule.id,
        "tax_rate": line.rule.rate,
        "tax": line.tax,
    }


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


def hold(session: Session, invoice_ids: Iterable[UUID]) -> dict[UUID, Invoice]:
    """These invoices, locked. Raises NotFound."""
    wanted = set(invoice_ids)
    found = {invoice.id: invoice for invoice in _hold(session, select(Invoice).where(Invoice.id.in_(wanted)))}
    if wanted - found.keys():
        raise NotFound("No such invoice.")
    return found


def _hold(session: Session, query: Select[Invoice]) -> list[Invoice]:
    # Everybody locks in the same order, so nobody waits in a circle.
    locked = query.order_by(Invoice.id).with_for_update().execution_options(populate_existing=True)
    return list(session.execute(locked).scalars())
