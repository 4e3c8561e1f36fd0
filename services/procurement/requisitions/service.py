"""Use cases of requisitions: draft, submit, approve, order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from services.procurement.catalog import service as catalog
from services.procurement.catalog.rules import CLINICAL
from services.procurement.catalog.service import Need, Quote
from services.procurement.formulary import service as formulary
from services.procurement.formulary.models import NotOnFormulary
from services.procurement.orders import service as orders
from services.procurement.requisitions import sql
from services.procurement.requisitions.models import Approver, Requisition, RequisitionLine, Status
from shared import numbers
from shared.amounts import cents
from shared.clock import now, today
from shared.contracts.procurement import (
    RequisitionApproved,
    RequisitionCancelled,
    RequisitionRejected,
    RequisitionSubmitted,
)
from shared.db import lock
from shared.directory import KnownLocation, entity, location
from shared.identity import Context
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page_of_rows
from shared.sql import insert_rows, rows_document


@dataclass(frozen=True, slots=True)
class Draft:
    """What a requester writes down."""

    lines: Sequence[Need]
    need_by: date | None = None
    note: str | None = None


def draft(session: Session, context: Context, wanted: Draft, *, submit: bool = False) -> Requisition:
    """A new requisition of the site, submitted at once if so wished. Raises CannotBeOrdered, NotOnFormulary."""
    site = location(session, context.scope.location_id)
    on = today(site.time_zone)
    quotes = catalog.quote(session, wanted.lines, on)
    # It is written below in one statement, past the session.
    requisition = Requisition(
        id=new_id(),
        version=1,
        status=Status.DRAFT,
        organization_id=context.organization_id,
        location_id=site.id,
        legal_entity_id=context.scope.legal_entity_id,
        requester_id=context.principal_id,
        requester_name=context.principal_name,
        need_by=wanted.need_by,
        note=wanted.note,
        total=_total(quotes),
        drafted_at=now(),
    )
    if submit:
        _check_formulary(session, requisition.legal_entity_id, quotes, on)
        requisition.submit(requisition.drafted_at)
    _write(session, requisition, quotes, numbers.claim(f"REQ-{site.code}", on.year, site.id))
    if submit:
        _tell_submitted(session, requisition)
    return requisition


def redraft(session: Session, context: Context, requisition: Requisition, wanted: Draft) -> Requisition:
    """Replace what a draft asks for. Raises NotTheRequester, NotEditable, CannotBeOrdered."""
    requisition.check_editable(context.principal_id)
    quotes = catalog.quote(session, wanted.lines, _today(session, requisition))
    # The instant also moves the version where only lines differ.
    requisition.need_by, requisition.note, requisition.drafted_at = wanted.need_by, wanted.note, now()
    _replace_lines(session, requisition, quotes)
    return requisition


def submit(session: Session, context: Context, requisition_id: UUID) -> Requisition:
    """Ask for approval, at today's prices. Raises NotTheRequester, NotEditable, CannotBeOrdered, NotOnFormulary."""
    requisition = lock(session, Requisition, requisition_id)
    requisition.check_editable(context.principal_id)
    on = _today(session, requisition)
    needs = [Need(line.item_id, line.quantity, line.unit, line.vendor_id) for line in requisition.lines]
    quotes = catalog.quote(session, needs, on)
    _check_formulary(session, requisition.legal_entity_id, quotes, on)
    requisition.submit(now())
    _replace_lines(session, requisition, quotes)
    _tell_submitted(session, requisition)
    return requisition


def approve(session: Session, context: Context, requisition_id: UUID) -> Requisition:
    """Allow a requisition within one's limit, and order what it asks for; a second time changes nothing.

    Raises SelfApproval, ApprovalLimitExceeded, NotAwaitingApproval, NotOnFormulary.
    """
    requisition = lock(session, Requisition, requisition_id)
    approver = Approver(context.principal_id, context.principal_name, context.limit("approval"))
    if not requisition.approve(approver, now()):
        return requisition
    on = _today(session, requisition)
    _check_formulary(session, requisition.legal_entity_id, requisition.lines, on)
    session.flush()
    told = RequisitionApproved(
        requisition_id=requisition.id,
        number=requisition.number,
        total=requisition.total,
        approver_id=approver.id,
    )
    emit(session, told, requisition)
    orders.place(session, requisition, on)
    return requisition


def reject(session: Session, context: Context, requisition_id: UUID, reason: str) -> Requisition:
    """Raises SelfApproval, NotAwaitingApproval."""
    requisition = lock(session, Requisition, requisition_id)
    requisition.reject(context.principal_id, context.principal_name, reason, now())
    session.flush()
    told = RequisitionRejected(
        requisition_id=requisition.id, number=requisition.number, rejected_by=context.principal_id
    )
    emit(session, told, requisition)
    return requisition


def cancel(session: Session, requisition_id: UUID) -> Requisition:
    """Raises NotCancellable."""
    requisition = lock(session, Requisition, requisition_id)
    requisition.cancel()
    session.flush()
    emit(session, RequisitionCancelled(requisition_id=requisition.id, number=requisition.number), requisition)
    return requisition


def listing(
    session: Session, names: tuple[str, ...], *, limit: int, cursor: str | None, status: str | None
) -> Page[Any]:
    """The columns `names` of requisitions, newest first."""
    return page_of_rows(session, Requisition, names, [Requisition.id], {"status": status}, limit=limit, cursor=cursor)


def _today(session: Session, requisition: Requisition) -> date:
    site: KnownLocation = location(session, requisition.location_id)
    return today(site.time_zone)


_WRITTEN = (
    "id",
    "organization_id",
    "location_id",
    "legal_entity_id",
    "status",
    "requester_id",
    "requester_name",
    "need_by",
    "note",
    "drafted_at",
    "submitted_at",
)


def _total(quotes: Sequence[Quote]) -> Decimal:
    return sum((quote.amount for quote in quotes), Decimal("0.00"))


def _check_formulary(session: Session, legal_entity_id: UUID, lines: Sequence[Any], on: date) -> None:
    """Raises NotOnFormulary, which names every item, the entity, and what to do."""
    clinical = {line.item_id for line in lines if line.item_class in CLINICAL}
    absent = formulary.missing(session, legal_entity_id, clinical, on)
    if not absent:
        return
    buyer = entity(session, legal_entity_id).name
    wrong = [
        {"pointer": f"/lines/{position}", "detail": f"{line.item_name} ({line.sku}) is not on the formulary."}
        for position, line in enumerate(lines)
        if line.item_id in absent
    ]
    names = ", ".join(sorted({f"{line.item_name} ({line.sku})" for line in lines if line.item_id in absent}))
    raise NotOnFormulary(
        f"Not on the formulary of {buyer}: {names}. Propose it; a medical director of {buyer} decides.", errors=wrong
    )


def _replace_lines(session: Session, requisition: Requisition, quotes: Sequence[Quote]) -> None:
    requisition.total = _total(quotes)
    session.flush()
    session.execute(delete(RequisitionLine).where(RequisitionLine.requisition_id == requisition.id))
    insert_rows(session, RequisitionLine, _lines(requisition, quotes))


def _write(session: Session, requisition: Requisition, quotes: Sequence[Quote], claim: dict[str, Any]) -> None:
    """Write a new requisition with its lines under the next number."""
    values = {name: getattr(requisition, name) for name in _WRITTEN}
    lines = rows_document(RequisitionLine, _lines(requisition, quotes))
    [written] = sql.DRAFT.rows(session, {**values, "total": cents(requisition.total), "lines": lines, **claim})
    requisition.number = written.number


def _lines(requisition: Requisition, quotes: Sequence[Quote]) -> list[dict[str, Any]]:
    """The rows to write; the requisition has them from now on."""
    rows = [_line(requisition, position, quote) for position, quote in enumerate(quotes, start=1)]
    # What is written is what the answer shows; reading it back would cost as much as writing it.
    set_committed_value(requisition, "lines", [RequisitionLine(**row) for row in rows])
    return rows


def _line(requisition: Requisition, position: int, quote: Quote) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": requisition.organization_id,
        "location_id": requisition.location_id,
        "requisition_id": requisition.id,
        "position": position,
        "item_id": quote.item_id,
        "sku": quote.sku,
        "item_name": quote.item_name,
        "item_class": quote.item_class,
        "vendor_id": quote.vendor_id,
        "vendor_sku": quote.vendor_sku,
        "quantity": quote.quantity,
        "unit": quote.unit,
        "unit_numerator": quote.ratio.numerator,
        "unit_denominator": quote.ratio.denominator,
        "base_quantity": quote.base_quantity,
        "unit_price": quote.unit_price,
        "amount": quote.amount,
    }


def _tell_submitted(session: Session, requisition: Requisition) -> None:
    told = RequisitionSubmitted(
        requisition_id=requisition.id,
        number=requisition.number,
        total=requisition.total,
        requester_id=requisition.requester_id,
    )
    emit(session, told, requisition)
