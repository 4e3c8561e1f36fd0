"""Draft, sign, end and read management services agreements."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.agreements.models import Agreement, AgreementsOverlap, AgreementStatus
from services.gateway.legal_entities.models import EntityKind, LegalEntity
from services.gateway.locations.models import Location
from shared import decisions
from shared.clock import now, today
from shared.contracts.gateway import AgreementRecorded
from shared.db import get, lock
from shared.errors import Invalid
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

SIGN = "governance.msa.sign"


class LocationOfAnotherEntity(Invalid):
    """An agreement covers locations of its own clinical entity only."""


class TermReversed(Invalid):
    """The last day lies before the first."""


def draft(session: Session, context: Context, given: dict[str, Any]) -> Agreement:
    """The business side's proposal; it opens nothing until the clinical entity's owner signs."""
    get(session, LegalEntity, given["mso_id"]).require(EntityKind.MSO)
    get(session, LegalEntity, given["legal_entity_id"]).require(EntityKind.CLINICAL_ENTITY)
    for location_id in given["location_ids"]:
        if get(session, Location, location_id).legal_entity_id != given["legal_entity_id"]:
            raise LocationOfAnotherEntity(f"{location_id} is not one of its locations.")
    if given["ends_on"] is not None and given["ends_on"] < given["starts_on"]:
        raise TermReversed(f"From {given['starts_on']} to {given['ends_on']}.")
    agreement = Agreement(
        organization_id=context.organization_id, drafted_by=context.principal_id, drafted_at=now(), **given
    )
    session.add(agreement)
    session.flush()
    _tell(session, agreement)
    return agreement


def sign(session: Session, context: Context, agreement_id: UUID, signed_on: date | None) -> Agreement:
    """The clinical entity's owner signs (a reserved decision). Raises AgreementsOverlap."""
    agreement = lock(session, Agreement, agreement_id)
    # Whoever signs for one of these locations at the same moment waits here, then sees this agreement.
    for location_id in sorted(agreement.location_ids):
        lock(session, Location, location_id)
    before = _terms(agreement)
    day = _today(session, agreement)
    agreement.sign(context.principal_id, signed_on or day, day)
    _require_alone(session, agreement)
    _decide(session, context, agreement, "approved", before, "Management services agreement signed")
    _tell(session, agreement)
    return agreement


def end(session: Session, context: Context, agreement_id: UUID, ends_on: date | None) -> Agreement:
    """The clinical entity's owner ends an agreement (a reserved decision); `ends_on` is its last day."""
    agreement = lock(session, Agreement, agreement_id)
    before = _terms(agreement)
    day = _today(session, agreement)
    agreement.end(ends_on or day, day)
    _decide(session, context, agreement, "revoked", before, "Management services agreement ended")
    if _terms(agreement) != before:
        _tell(session, agreement)
    return agreement


def withdraw(session: Session, agreement_id: UUID) -> Agreement:
    """The business side takes a draft back."""
    agreement = lock(session, Agreement, agreement_id)
    agreement.withdraw()
    return agreement


def read(session: Session, agreement_id: UUID) -> Agreement:
    """Raises NotFound."""
    return get(session, Agreement, agreement_id)


def list_agreements(
    session: Session, *, status: str | None, location_id: UUID | None, limit: int, cursor: str | None
) -> Page[Agreement]:
    """Agreements in scope, newest first."""
    query = select(Agreement)
    if status is not None:
        query = query.where(Agreement.status == status)
    if location_id is not None:
        query = query.where(Agreement.location_ids.contains([location_id]))
    return page(session, query, [Agreement.drafted_at, Agreement.id], limit=limit, cursor=cursor)


def _require_alone(session: Session, agreement: Agreement) -> None:
    signed = select(Agreement).where(
        Agreement.legal_entity_id == agreement.legal_entity_id,
        Agreement.status == AgreementStatus.SIGNED,
        Agreement.id != agreement.id,
    )
    for other in session.execute(signed).scalars():
        if agreement.overlaps(other):
            raise AgreementsOverlap(
                f"Agreement {other.id} runs from {other.starts_on} to {other.ends_on or 'further'}."
            )


def _today(session: Session, agreement: Agreement) -> date:
    return today(get(session, LegalEntity, agreement.legal_entity_id).time_zone)


def _terms(agreement: Agreement) -> dict[str, Any]:
    days = {name: getattr(agreement, name) for name in ("signed_on", "starts_on", "ends_on")}
    return {
        "status": str(agreement.status),
        "services": list(agreement.services),
        "location_ids": [str(location_id) for location_id in agreement.location_ids],
        **{name: day.isoformat() if day else None for name, day in days.items()},
    }


def _decide(
    session: Session,
    context: Context,
    agreement: Agreement,
    outcome: Literal["approved", "revoked"],
    before: dict[str, Any],
    summary: str,
) -> None:
    decisions.take(
        session,
        context,
        SIGN,
        outcome=outcome,
        legal_entity_id=agreement.legal_entity_id,
        subject_type="agreement",
        subject_id=agreement.id,
        summary=summary,
        proposed_by=agreement.drafted_by,
        before=before,
        after=_terms(agreement),
    )


def _tell(session: Session, agreement: Agreement) -> None:
    names = ("mso_id", "legal_entity_id", "location_ids", "services", "signed_on", "starts_on", "ends_on")
    fact = AgreementRecorded(agreement_id=agreement.id, **{name: getattr(agreement, name) for name in names})
    emit(session, fact, agreement)
