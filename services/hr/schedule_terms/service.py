"""Setting and finding a clinical entity's schedule terms."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.schedule_terms.models import ScheduleTerms
from shared import decisions
from shared.clock import now
from shared.identity import Context
from shared.pagination import Page, page

DECISION = "hr.clinician.schedule.set"


def set_terms(session: Session, context: Context, body: dict[str, Any]) -> ScheduleTerms:
    """The owner sets the terms that rosters of clinicians must keep (reserved)."""
    row = ScheduleTerms(
        organization_id=context.organization_id,
        legal_entity_id=context.scope.legal_entity_id,
        **body,
        decided_by=context.principal_id,
        decided_at=now(),
    )
    before = in_force(session, row.legal_entity_id, row.effective_from)
    session.add(row)
    session.flush()
    decisions.take(
        session,
        context,
        DECISION,
        outcome="approved",
        legal_entity_id=row.legal_entity_id,
        subject_type="schedule_terms",
        subject_id=row.id,
        summary=row.reason,
        before=_document(before) if before else None,
        after=_document(row),
    )
    return row


def in_force(session: Session, legal_entity_id: UUID, day: date) -> ScheduleTerms | None:
    """The terms of an entity for a day, or None where its owner set none."""
    query = (
        select(ScheduleTerms)
        .where(ScheduleTerms.legal_entity_id == legal_entity_id, ScheduleTerms.effective_from <= day)
        .order_by(ScheduleTerms.effective_from.desc(), ScheduleTerms.id.desc())
        .limit(1)
    )
    return session.execute(query).scalar_one_or_none()


def find(session: Session, limit: int, cursor: str | None) -> Page[ScheduleTerms]:
    """Every term set, newest first."""
    return page(session, select(ScheduleTerms), [ScheduleTerms.id], limit=limit, cursor=cursor)


def _document(row: ScheduleTerms) -> dict[str, Any]:
    names = ("effective_from", "max_shift_hours", "max_week_hours", "min_rest_hours")
    return {name: str(getattr(row, name)) for name in names}
