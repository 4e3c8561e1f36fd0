"""What is done with shifts: draft, check, override, publish, take back."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.employments.models import Employment
from services.hr.people.models import Person
from services.hr.readiness import rules as readiness
from services.hr.readiness.rules import Missing, Plan, Span
from services.hr.readiness.service import Desk
from services.hr.schedule_terms import service as schedule_terms
from services.hr.shifts.models import (
    CannotBeOverridden,
    NothingToOverride,
    NotReady,
    OverriddenByBusiness,
    Rostered,
    Shift,
    ShiftOverride,
    ShiftStatus,
)
from services.hr.shifts.rules import instant, local_days, week_of
from shared import clock, directory
from shared.clock import now
from shared.contracts.hr import ShiftOverridden, ShiftPublished, ShiftUnpublished
from shared.db import get, lock, rescoped
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page
from shared.tenancy import Scope

# Rest and week limits never look further than this.
AROUND = timedelta(days=9)


def draft(session: Session, context: Context, body: dict[str, Any]) -> Shift:
    """Plan a shift; nothing is checked before it is published, but the person must be seen here."""
    place = directory.location(session, context.scope.location_id)
    job = get(session, Employment, body["employment_id"])
    person = get(session, Person, job.person_id)
    row = Shift(
        organization_id=context.organization_id,
        location_id=place.id,
        person_id=person.id,
        person_name=person.name,
        employment_id=job.id,
        position=job.position,
        clinical=job.clinical,
        time_zone=place.time_zone,
        status=ShiftStatus.DRAFT,
    )
    move(row, body)
    session.add(row)
    session.flush()
    return row


def move(row: Shift, body: dict[str, Any]) -> None:
    """Set a draft's local times. Raises NoSuchLocalTime, LocalTimeComesTwice, BadSpan."""
    starts_at = instant(body["starts"], row.time_zone, body["starts_occurrence"])
    ends_at = instant(body["ends"], row.time_zone, body["ends_occurrence"])
    row.set_span(starts_at, ends_at, body["starts"].date())


def check(session: Session, row: Shift) -> list[Missing]:
    """Everything that keeps a shift from being published, overridden or not."""
    plan = _plan(session, row)
    desk = Desk(session, [row.person_id], training_too=True)
    file = desk.file(row.person_id, row.employment_id)
    terms = schedule_terms.in_force(session, plan.clinical_entity_id, row.works_on)
    taken = _taken(session, row)
    monday, next_monday = week_of(row.works_on)
    week = [span for span, day in taken if monday <= day < next_monday]
    return readiness.missing(plan, file, desk.ground(plan, file)) + readiness.times(
        plan, [span for span, _ in taken], week, row.clinical, terms
    )


def _plan(session: Session, row: Shift) -> Plan:
    place = directory.location(session, row.location_id)
    return Plan(
        location_id=place.id,
        clinical_entity_id=place.legal_entity_id,
        state=place.state,
        locality=place.locality,
        span=Span(row.starts_at, row.ends_at),
        days=local_days(row.starts_at, row.ends_at, row.time_zone),
        today=clock.today(row.time_zone),
    )


def _taken(session: Session, row: Shift) -> list[tuple[Span, date]]:
    """The person's other published shifts at any site: only their times leave this function."""
    near = (
        select(Shift.starts_at, Shift.ends_at, Shift.works_on)
        .where(Shift.person_id == row.person_id, Shift.status == ShiftStatus.PUBLISHED, Shift.id != row.id)
        .where(Shift.ends_at > row.starts_at - AROUND, Shift.starts_at < row.ends_at + AROUND)
    )
    with rescoped(session, Scope.whole(row.organization_id)):
        return [(Span(starts_at, ends_at), day) for starts_at, ends_at, day in session.execute(near)]


def _hold_person(session: Session, row: Shift) -> None:
    """Two sites cannot publish the same person's shifts at the same moment, whichever of them sees the person."""
    with rescoped(session, Scope.whole(row.organization_id)):
        lock(session, Person, row.person_id)


def override(session: Session, context: Context, shift_id: UUID, item: str, reason: str) -> ShiftOverride:
    """Let a shift pass without one thing that no law asks for; again answers the same."""
    row = lock(session, Shift, shift_id)
    row.must_be_draft()
    known = overrides(session, row)
    if item in known:
        return known[item]
    lacking = next((each for each in check(session, row) if each.item == item), None)
    if lacking is None:
        raise NothingToOverride(f"{item} is not missing.")
    if not lacking.waivable:
        raise CannotBeOverridden(lacking.detail, policy=item, why=lacking.title, source=list(lacking.sources))
    if row.clinical and context.plane != "clinical":
        raise OverriddenByBusiness("Ask the owner or the medical director of the clinical entity.")
    given = ShiftOverride(
        organization_id=row.organization_id,
        location_id=row.location_id,
        shift_id=row.id,
        item=item,
        reason=reason,
        decided_by=context.principal_id,
        decided_by_name=context.principal_name,
        decided_at=now(),
    )
    session.add(given)
    session.flush()
    told = ShiftOverridden(
        override_id=given.id,
        shift_id=row.id,
        location_id=row.location_id,
        item=item,
        decided_by=context.principal_id,
    )
    emit(session, told, given)
    return given


def overrides(session: Session, row: Shift) -> dict[str, ShiftOverride]:
    """What was let pass, by item."""
    given = session.execute(select(ShiftOverride).where(ShiftOverride.shift_id == row.id)).scalars()
    return {each.item: each for each in given}


def publish(session: Session, context: Context, shift_id: UUID) -> Shift:
    """Put a shift on the roster when everything is in order. Raises NotReady naming each missing thing."""
    row = lock(session, Shift, shift_id)
    if row.status == ShiftStatus.PUBLISHED:
        return row
    row.must_be_draft()
    _hold_person(session, row)
    let_pass = overrides(session, row)
    lacking = [each for each in check(session, row) if not (each.waivable and each.item in let_pass)]
    if lacking:
        raise NotReady(
            f"{len(lacking)} to be put in order.",
            errors=[{"pointer": each.item, "detail": each.detail} for each in lacking],
            missing=[_document(each) for each in lacking],
        )
    row.publish(context.principal_id, now())
    session.flush()
    told = ShiftPublished(
        shift_id=row.id,
        person_id=row.person_id,
        location_id=row.location_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )
    emit(session, told, row)
    return row


def _document(lacking: Missing) -> dict[str, Any]:
    return {
        "item": lacking.item,
        "title": lacking.title,
        "detail": lacking.detail,
        "source": list(lacking.sources),
        "can_be_overridden": lacking.waivable,
    }


def unpublish(session: Session, shift_id: UUID, reason: str) -> Shift:
    """Take a published shift back to draft."""
    row = lock(session, Shift, shift_id)
    row.unpublish(reason)
    session.flush()
    _tell_unpublished(session, row, reason)
    return row


def cancel(session: Session, shift_id: UUID, reason: str) -> Shift:
    """Give a shift up."""
    row = lock(session, Shift, shift_id)
    was_published = row.cancel(reason)
    session.flush()
    if was_published:
        _tell_unpublished(session, row, reason)
    return row


def _tell_unpublished(session: Session, row: Shift, reason: str) -> None:
    told = ShiftUnpublished(shift_id=row.id, person_id=row.person_id, location_id=row.location_id, reason=reason)
    emit(session, told, row)


def rostered(session: Session, rows: Sequence[Shift]) -> list[Rostered]:
    """Shifts, and for published ones that are not over what lapsed since: from then on the person is off the roster."""
    ahead = [row for row in rows if row.status == ShiftStatus.PUBLISHED and row.ends_at > now()]
    if not ahead:
        return [Rostered(row, []) for row in rows]
    desk = Desk(session, [row.person_id for row in ahead], training_too=False)
    lapsed = {row.id: _lapsed(session, desk, row) for row in ahead}
    return [Rostered(row, lapsed.get(row.id, [])) for row in rows]


def _lapsed(session: Session, desk: Desk, row: Shift) -> list[Missing]:
    plan, file = _plan(session, row), desk.file(row.person_id, row.employment_id)
    return readiness.missing(plan, file, desk.ground(plan, file), readiness.STANDING)


def find(
    session: Session,
    starts_from: datetime | None,
    starts_before: datetime | None,
    person_id: UUID | None,
    status: str | None,
    limit: int,
    cursor: str | None,
) -> Page[Rostered]:
    """Shifts in the order in which they begin."""
    query = select(Shift)
    if starts_from:
        query = query.where(Shift.starts_at >= starts_from)
    if starts_before:
        query = query.where(Shift.starts_at < starts_before)
    if person_id:
        query = query.where(Shift.person_id == person_id)
    if status:
        query = query.where(Shift.status == status)
    keys = [Shift.starts_at, Shift.id]
    rows: Page[Shift] = page(session, query, keys, limit=limit, cursor=cursor, descending=False)
    return Page(rostered(session, rows.items), rows.next)
