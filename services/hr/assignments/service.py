"""What is done with site assignments: place somebody at a site, end it, and keep who may see the person in step."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.assignments.models import SiteAssignment
from services.hr.people.models import Person
from shared import clock, directory
from shared.contracts.hr import AssignmentEnded, PersonAssigned
from shared.db import lock
from shared.outbox import emit
from shared.pagination import Page, page
from shared.tenancy import Scope


def assign(session: Session, person: Person, employment_id: UUID, location_id: UUID, starts_on: date) -> SiteAssignment:
    """Place a (locked) person at a site; an open assignment there is answered again."""
    known = session.execute(
        select(SiteAssignment).where(
            SiteAssignment.employment_id == employment_id,
            SiteAssignment.location_id == location_id,
            SiteAssignment.ends_on.is_(None),
        )
    ).scalar_one_or_none()
    if known is not None:
        return known
    row = SiteAssignment(
        organization_id=person.organization_id,
        person_id=person.id,
        employment_id=employment_id,
        location_id=location_id,
        starts_on=starts_on,
    )
    session.add(row)
    session.flush()
    show_where_assigned(session, person)
    told = PersonAssigned(
        assignment_id=row.id,
        employment_id=employment_id,
        person_id=person.id,
        location_id=location_id,
        starts_on=starts_on,
    )
    emit(session, told, row)
    return row


def end(session: Session, row: SiteAssignment, last_day: date) -> SiteAssignment:
    """End an assignment; the site sees the person no longer than that day."""
    person = lock(session, Person, row.person_id)
    row.end(last_day)
    session.flush()
    show_where_assigned(session, person)
    told = AssignmentEnded(assignment_id=row.id, person_id=row.person_id, location_id=row.location_id, ends_on=last_day)
    emit(session, told, row)
    return row


def show_where_assigned(session: Session, person: Person) -> None:
    """Bring a (locked) person's sites in step with the assignments that have not ended."""
    rows = session.execute(select(SiteAssignment).where(SiteAssignment.person_id == person.id)).scalars()
    here = {row.location_id for row in rows if not _is_over(session, row)}
    person.works_at(here)
    session.flush()


def find(
    session: Session, scope: Scope, person_id: UUID | None, limit: int, cursor: str | None
) -> Page[SiteAssignment]:
    """Assignments, newest first; asked at a site, those at that site."""
    query = select(SiteAssignment)
    if scope.kind == "location":
        query = query.where(SiteAssignment.location_id == scope.location_id)
    if person_id:
        query = query.where(SiteAssignment.person_id == person_id)
    return page(session, query, [SiteAssignment.id], limit=limit, cursor=cursor)


def _is_over(session: Session, row: SiteAssignment) -> bool:
    zone = directory.location(session, row.location_id).time_zone
    return row.ends_on is not None and row.ends_on < clock.today(zone)
