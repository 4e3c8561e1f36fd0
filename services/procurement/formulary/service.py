"""Use cases of the formulary: the business side proposes, the medical director decides."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.procurement.catalog.models import Item
from services.procurement.catalog.rules import CLINICAL, DECISIONS, ItemClass
from services.procurement.formulary.models import AlreadyOnFormulary, EntryStatus, FormularyEntry, NotClinical
from shared import decisions
from shared.clock import now, today
from shared.contracts.procurement import FormularyDecided, FormularyProposed
from shared.db import get, lock
from shared.directory import KnownLocation, entity
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page
from shared.sql import Sql

ON_LIST = (EntryStatus.APPROVED, EntryStatus.WITHDRAWN)


def propose(
    session: Session, context: Context, *, item_id: UUID, reason: str, starts_on: date | None
) -> FormularyEntry:
    """Propose an item for the clinical entity of the scope. Raises NotClinical, AlreadyOnFormulary."""
    item = get(session, Item, item_id)
    buyer = entity(session, context.scope.legal_entity_id)
    if buyer.kind != "clinical_entity" or item.item_class not in CLINICAL:
        raise NotClinical(f"{item.name} for {buyer.name}: order it without.")
    _check_free(session, buyer.id, item)
    entry = FormularyEntry(
        organization_id=context.organization_id,
        legal_entity_id=buyer.id,
        item_id=item.id,
        sku=item.sku,
        item_name=item.name,
        item_class=item.item_class,
        starts_on=starts_on or _day(session, buyer.id),
        reason=reason,
        proposed_by=context.principal_id,
        proposed_by_name=context.principal_name,
        proposed_at=now(),
    )
    _insert(session, entry)
    told = FormularyProposed(
        entry_id=entry.id, legal_entity_id=buyer.id, item_id=item.id, proposed_by=context.principal_id
    )
    emit(session, told, entry)
    return entry


def decide(session: Session, context: Context, entry_id: UUID, *, approved: bool, note: str | None) -> FormularyEntry:
    """Approve or refuse a proposal. Reserved for the entity's medical director: procurement.formulary.approve,
    device.approve or supply.clinical.approve by class. Raises NotTheDecider, NotAwaitingDecision."""
    entry = lock(session, FormularyEntry, entry_id)
    before = entry.facts()
    entry.decide(approved, context.principal_id, context.principal_name, now())
    entry.decision_note = note
    _record(session, context, entry, "approved" if approved else "refused", before)
    return entry


def withdraw(
    session: Session, context: Context, entry_id: UUID, *, from_day: date | None, note: str | None
) -> FormularyEntry:
    """Take an item off the list; revokes the approval. Raises NotTheDecider, NotApproved."""
    entry = lock(session, FormularyEntry, entry_id)
    before, approval = entry.facts(), entry.decision_record_id
    entry.withdraw(from_day or _day(session, entry.legal_entity_id))
    entry.decision_note = note
    _record(session, context, entry, "revoked", before, revokes=approval)
    return entry


def missing(session: Session, legal_entity_id: UUID, item_ids: Iterable[UUID], on: date) -> set[UUID]:
    """Which of the items are not on the entity's list on a day."""
    wanted = set(item_ids)
    if not wanted:
        return set()
    rows = _LISTED.rows(session, {"entity": legal_entity_id, "items": list(wanted), "day": on})
    return wanted - {row.item_id for row in rows}


_LISTED = Sql(
    f"""select item_id from formulary_entry where legal_entity_id = :entity and item_id = any(cast(:items as uuid[]))
    and status in ('{"', '".join(ON_LIST)}') and starts_on <= :day and (ends_on is null or ends_on >= :day)"""
)


def entries(session: Session, *, limit: int, cursor: str | None, status: str | None) -> Page[FormularyEntry]:
    query = select(FormularyEntry)
    if status:
        query = query.where(FormularyEntry.status == status)
    return page(session, query, [FormularyEntry.id], limit=limit, cursor=cursor)


def _day(session: Session, legal_entity_id: UUID) -> date:
    """The day it is at the entity's westernmost site: a decision counts at once at every site of the entity."""
    zones = session.scalars(select(KnownLocation.time_zone).where(KnownLocation.legal_entity_id == legal_entity_id))
    return min((today(zone) for zone in zones), default=today())


def _check_free(session: Session, legal_entity_id: UUID, item: Item) -> None:
    taken = select(FormularyEntry.status).where(
        FormularyEntry.legal_entity_id == legal_entity_id,
        FormularyEntry.item_id == item.id,
        FormularyEntry.status.in_((EntryStatus.PROPOSED, EntryStatus.APPROVED)),
    )
    status = session.scalar(taken)
    if status:
        raise AlreadyOnFormulary(f"{item.name} is {status}.")


def _insert(session: Session, entry: FormularyEntry) -> None:
    session.add(entry)
    try:
        session.flush()
    except IntegrityError as error:
        # Somebody proposed the same item a moment ago; the index decides.
        raise AlreadyOnFormulary(f"{entry.item_name} is proposed.") from error


def _record(
    session: Session,
    context: Context,
    entry: FormularyEntry,
    outcome: Any,
    before: dict[str, str | None],
    revokes: UUID | None = None,
) -> None:
    record = decisions.take(
        session,
        context,
        DECISIONS[ItemClass(entry.item_class)],
        outcome=outcome,
        legal_entity_id=entry.legal_entity_id,
        subject_type="formulary_entry",
        subject_id=entry.id,
        summary=f"{entry.item_name} ({entry.sku}): {outcome}",
        proposed_by=entry.proposed_by,
        before=before,
        after=entry.facts(),
        revokes=revokes,
    )
    entry.decision_record_id = record.id
    session.flush()
    told = FormularyDecided(
        entry_id=entry.id,
        legal_entity_id=entry.legal_entity_id,
        item_id=entry.item_id,
        status=entry.status,
        decided_by=context.principal_id,
    )
    emit(session, told, entry)
