"""Record and end business-associate agreements."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.business_associates.models import BusinessAssociateAgreement
from services.gateway.legal_entities.models import EntityKind, LegalEntity
from shared.clock import today
from shared.contracts.gateway import BusinessAssociateAgreementRecorded
from shared.db import get, lock
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page


def record(session: Session, context: Context, given: dict[str, Any]) -> BusinessAssociateAgreement:
    """An agreement that both sides signed."""
    entity = get(session, LegalEntity, given["legal_entity_id"])
    entity.require(EntityKind.CLINICAL_ENTITY)
    get(session, LegalEntity, given["business_associate_id"]).require(EntityKind.MSO)
    agreement = BusinessAssociateAgreement(organization_id=context.organization_id, **given)
    agreement.check(today(entity.time_zone))
    session.add(agreement)
    session.flush()
    _tell(session, agreement)
    return agreement


def end(session: Session, agreement_id: UUID, ends_on: date | None) -> BusinessAssociateAgreement:
    """`ends_on` becomes the last day."""
    agreement = lock(session, BusinessAssociateAgreement, agreement_id)
    day = today(get(session, LegalEntity, agreement.legal_entity_id).time_zone)
    agreement.end(ends_on or day, day)
    if session.is_modified(agreement):
        _tell(session, agreement)
    return agreement


def list_agreements(session: Session, *, limit: int, cursor: str | None) -> Page[BusinessAssociateAgreement]:
    """Business-associate agreements in scope, newest first."""
    keys = [BusinessAssociateAgreement.signed_on, BusinessAssociateAgreement.id]
    return page(session, select(BusinessAssociateAgreement), keys, limit=limit, cursor=cursor)


def _tell(session: Session, agreement: BusinessAssociateAgreement) -> None:
    fact = BusinessAssociateAgreementRecorded(
        agreement_id=agreement.id,
        legal_entity_id=agreement.legal_entity_id,
        business_associate_id=agreement.business_associate_id,
        signed_on=agreement.signed_on,
        ends_on=agreement.ends_on,
    )
    emit(session, fact, agreement)
