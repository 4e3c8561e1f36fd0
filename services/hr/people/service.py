"""What is done with people: register, correct, introduce to an employer, find."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.people.models import Person
from shared import directory
from shared.db import get, lock
from shared.identity import Context
from shared.pagination import Page, page


def register(session: Session, context: Context, body: dict[str, Any]) -> Person:
    """A new person, seen by the entity that registers them; by the office alone where none does."""
    entity_ids = [context.scope.legal_entity_id] if context.scope.kind == "entity" else []
    person = Person(
        organization_id=context.organization_id,
        given_name=body["given_name"],
        family_name=body["family_name"],
        work_email=body["work_email"].lower(),
        entity_ids=entity_ids,
        location_ids=[],
    )
    session.add(person)
    session.flush()
    return person


def change(session: Session, person: Person, body: dict[str, Any]) -> Person:
    """Correct name or address; `person` is locked."""
    for name, value in body.items():
        setattr(person, name, value.lower() if name == "work_email" else value)
    session.flush()
    return person


def introduce(session: Session, person_id: UUID, legal_entity_id: UUID) -> Person:
    """Show a candidate to an entity, which may then employ them. Raises NotFound."""
    directory.entity(session, legal_entity_id)
    person = lock(session, Person, person_id)
    person.introduce(legal_entity_id)
    session.flush()
    return person


def read(session: Session, person_id: UUID) -> Person:
    """Raises NotFound."""
    return get(session, Person, person_id)


def find(session: Session, name: str | None, limit: int, cursor: str | None) -> Page[Person]:
    """People by family name."""
    query = select(Person)
    if name:
        query = query.where(Person.family_name.icontains(name, autoescape=True))
    keys = [Person.family_name, Person.given_name, Person.id]
    return page(session, query, keys, limit=limit, cursor=cursor, descending=False)
