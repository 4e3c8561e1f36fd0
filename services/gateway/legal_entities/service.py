"""Register, change and read legal entities."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.legal_entities.models import EntityKind, LegalEntity
from shared.contracts.gateway import LegalEntityRecorded
from shared.db import get
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page


def register(session: Session, context: Context, given: dict[str, Any]) -> LegalEntity:
    """A new legal entity. Raises NpiNotForBusiness."""
    entity = LegalEntity(organization_id=context.organization_id, **given)
    entity.check()
    session.add(entity)
    session.flush()
    emit(session, _recorded(entity), entity)
    return entity


def change(session: Session, entity: LegalEntity, given: dict[str, Any]) -> LegalEntity:
    """Take the values that are given; `entity` is locked."""
    for name, value in given.items():
        setattr(entity, name, value)
    entity.check()
    if session.is_modified(entity):
        emit(session, _recorded(entity), entity)
        session.flush()
    return entity


def read(session: Session, legal_entity_id: UUID) -> LegalEntity:
    """Raises NotFound."""
    return get(session, LegalEntity, legal_entity_id)


def list_entities(session: Session, *, kind: str | None, limit: int, cursor: str | None) -> Page[LegalEntity]:
    """Legal entities in scope, by name."""
    query = select(LegalEntity)
    if kind is not None:
        query = query.where(LegalEntity.kind == kind)
    keys = [LegalEntity.name, LegalEntity.legal_entity_id]
    return page(session, query, keys, limit=limit, cursor=cursor, descending=False)


def _recorded(entity: LegalEntity) -> LegalEntityRecorded:
    return LegalEntityRecorded(
        legal_entity_id=entity.id,
        kind=EntityKind(entity.kind).value,
        name=entity.name,
        state=entity.state,
        form=entity.form,
    )
