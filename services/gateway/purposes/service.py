"""Propose, decide, revoke and list purpose grants."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.legal_entities.models import EntityKind, LegalEntity
from services.gateway.purposes.models import PurposeGrant
from services.gateway.users.models import User
from shared import decisions
from shared.clock import now, today
from shared.contracts.gateway import AuditRecorded
from shared.db import get, lock
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

PHI = "gateway.phi.grant"


def propose(session: Session, context: Context, given: dict[str, Any]) -> PurposeGrant:
    """The business side asks the clinical entity of this scope to open its patient-level data to a person."""
    entity = get(session, LegalEntity, context.scope.legal_entity_id)
    entity.require(EntityKind.CLINICAL_ENTITY)
    get(session, User, given["user_id"]).require_person()
    starts_on: date = given.pop("starts_on") or today(entity.time_zone)
    purpose = PurposeGrant(
        organization_id=context.organization_id,
        legal_entity_id=entity.id,
        starts_on=starts_on,
        proposed_by=context.principal_id,
        proposed_at=now(),
        **given,
    )
    purpose.check()
    session.add(purpose)
    session.flush()
    _audit(session, context, purpose)
    return purpose


def decide(session: Session, context: Context, purpose_id: UUID, granted: bool) -> PurposeGrant:
    """The clinical entity's owner grants or refuses (a reserved decision)."""
    purpose = lock(session, PurposeGrant, purpose_id)
    purpose.decide(granted, context.principal_id, now())
    _take(session, context, purpose, "approved" if granted else "refused")
    return purpose


def revoke(session: Session, context: Context, purpose_id: UUID) -> PurposeGrant:
    """The clinical entity's owner closes its patient-level data again (a reserved decision)."""
    purpose = lock(session, PurposeGrant, purpose_id)
    purpose.revoke()
    _take(session, context, purpose, "revoked")
    return purpose


def list_purposes(session: Session, *, status: str | None, limit: int, cursor: str | None) -> Page[PurposeGrant]:
    """Purpose grants in scope, newest first."""
    query = select(PurposeGrant)
    if status is not None:
        query = query.where(PurposeGrant.status == status)
    return page(session, query, [PurposeGrant.proposed_at, PurposeGrant.id], limit=limit, cursor=cursor)


def _take(
    session: Session, context: Context, purpose: PurposeGrant, outcome: Literal["approved", "refused", "revoked"]
) -> None:
    decisions.take(
        session,
        context,
        PHI,
        outcome=outcome,
        legal_entity_id=purpose.legal_entity_id,
        subject_type="purpose_grant",
        subject_id=purpose.id,
        summary=f"Access to patient-level data {outcome}",
        proposed_by=purpose.proposed_by,
        after=_terms(purpose),
    )


def _terms(purpose: PurposeGrant) -> dict[str, Any]:
    return {
        "user_id": str(purpose.user_id),
        "purpose": purpose.purpose,
        "starts_on": purpose.starts_on.isoformat(),
        "ends_on": purpose.ends_on.isoformat(),
        "status": str(purpose.status),
    }


def _audit(session: Session, context: Context, purpose: PurposeGrant) -> None:
    subject = str(purpose.id)
    fact = AuditRecorded(
        action=context.operation, subject_type="purpose_grant", subject_id=subject, detail=_terms(purpose)
    )
    emit(session, fact, purpose)
