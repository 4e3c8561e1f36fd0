"""What is done with training: assign what the rules ask, record completions, look up what is open."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from services.hr.people.models import Person
from services.hr.training import rules as reading
from services.hr.training.models import Asked, TrainingAssignment, TrainingCompletion, TrainingStanding
from services.hr.training.rules import Due, Work
from shared import decisions, rules
from shared.clock import now, today
from shared.contracts.hr import TrainingAssigned, TrainingCompleted
from shared.db import lock
from shared.identity import Context
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page
from shared.rules import Rule, RuleUnknown

KIND = "training"
SIGN_OFF = "hr.clinical_training.signoff"


def requirements(session: Session, on: date) -> list[Rule]:
    """The training rules in force. Raises RuleUnknown where none are."""
    found = rules.rules(session, KIND, on)
    if not found:
        raise RuleUnknown("The training rules are not loaded.")
    return found


def assign_due(session: Session, person: Person, works: Iterable[Work]) -> list[TrainingAssignment]:
    """Assign a (locked) person everything their work asks; again changes nothing. Returns what is new."""
    training = requirements(session, now().date())
    known = {row.requirement: row for row in assignments(session, [person.id])}
    fresh: list[TrainingAssignment] = []
    for work in works:
        for entry in reading.asked(training, work):
            due = reading.first_due(entry.body, work)
            row = known.get(entry.key)
            if row is None:
                known[entry.key] = row = _assignment(person, entry, work, due)
                session.add(row)
                fresh.append(row)
            elif due.on is not None and (row.due_on is None or due.on < row.due_on):
                row.due_on, row.certain = due.on, due.certain
    session.flush()
    for row in fresh:
        told = TrainingAssigned(
            assignment_id=row.id, person_id=person.id, requirement=row.requirement, due_on=row.due_on
        )
        emit(session, told, row)
    return fresh


def _assignment(person: Person, entry: Rule, work: Work, due: Due) -> TrainingAssignment:
    initial = entry.body["frequency"]["initial"]
    return TrainingAssignment(
        id=new_id(),
        organization_id=person.organization_id,
        person_id=person.id,
        requirement=entry.key,
        title=entry.body["title"],
        force=entry.body["force"],
        citation=entry.body["citation"],
        source=entry.body.get("source"),
        basis={True: "initial training", None: "with the licence's renewal"}.get(initial, str(initial)),
        certain=due.certain,
        assigned_on=work.since,
        due_on=due.on,
        hours=reading.hours(entry.body, supervises=reading.SUPERVISES in work.exposures),
        hands_on=reading.is_hands_on(entry.body),
        dataset_version=entry.dataset_version,
    )


def complete(session: Session, context: Context, assignment_id: UUID, body: dict[str, Any]) -> TrainingCompletion:
    """Record that a training was done."""
    return _record(session, context, lock(session, TrainingAssignment, assignment_id), body, None)


def sign_off(session: Session, context: Context, assignment_id: UUID, body: dict[str, Any]) -> TrainingCompletion:
    """The medical director signs hands-on training off (reserved)."""
    row = lock(session, TrainingAssignment, assignment_id)
    completion = _record(session, context, row, body, context.principal_id)
    decisions.take(
        session,
        context,
        SIGN_OFF,
        outcome="approved",
        legal_entity_id=context.scope.legal_entity_id,
        subject_type="training_completion",
        subject_id=completion.id,
        summary=f"{row.title}, done on {completion.completed_on}",
    )
    return completion


def _record(
    session: Session, context: Context, row: TrainingAssignment, body: dict[str, Any], signed_off_by: UUID | None
) -> TrainingCompletion:
    row.complete(body["completed_on"], body["hours"], today(), signed_off=signed_off_by is not None)
    earlier = completions(session, [row.person_id], row.requirement)
    same_day = next((done for done in earlier if done.completed_on == body["completed_on"]), None)
    if same_day is not None:
        return same_day
    entry = rules.require(session, KIND, row.requirement, now().date())
    before = max((done.valid_until for done in earlier if done.valid_until), default=None)
    completion = TrainingCompletion(
        organization_id=row.organization_id,
        person_id=row.person_id,
        requirement=row.requirement,
        **body,
        certificate=next_number(session, row.organization_id, "TC", body["completed_on"].year),
        valid_until=reading.valid_until(entry.body, body["completed_on"], before),
        dataset_version=entry.dataset_version,
        recorded_by=context.principal_id,
        signed_off_by=signed_off_by,
    )
    session.add(completion)
    session.flush()
    told = TrainingCompleted(
        completion_id=completion.id,
        person_id=row.person_id,
        requirement=row.requirement,
        completed_on=completion.completed_on,
        valid_until=completion.valid_until,
    )
    emit(session, told, completion)
    return completion


def assignments(session: Session, person_ids: Iterable[UUID]) -> list[TrainingAssignment]:
    """Everything assigned to these people."""
    query = select(TrainingAssignment).where(TrainingAssignment.person_id.in_(list(person_ids)))
    return list(session.execute(query).scalars())


def completions(
    session: Session, person_ids: Iterable[UUID], requirement: str | None = None
) -> list[TrainingCompletion]:
    """Everything these people completed, in the order it was done."""
    query = select(TrainingCompletion).where(TrainingCompletion.person_id.in_(list(person_ids)))
    if requirement:
        query = query.where(TrainingCompletion.requirement == requirement)
    return list(session.execute(query.order_by(TrainingCompletion.completed_on)).scalars())


def find(
    session: Session, person_id: UUID | None, due_before: date | None, limit: int, cursor: str | None
) -> Page[TrainingStanding]:
    """Assignments with their newest proof, newest first; with `due_before`, those due by then and unproven."""
    query = select(TrainingAssignment)
    if person_id:
        query = query.where(TrainingAssignment.person_id == person_id)
    if due_before:
        query = query.where(TrainingAssignment.due_on < due_before, ~_proven(due_before))
    rows: Page[TrainingAssignment] = page(session, query, [TrainingAssignment.id], limit=limit, cursor=cursor)
    proofs = {
        (done.person_id, done.requirement): done for done in completions(session, {row.person_id for row in rows.items})
    }
    return Page([TrainingStanding(row, proofs.get((row.person_id, row.requirement))) for row in rows.items], rows.next)


def _proven(day: date) -> ColumnElement[bool]:
    counts = or_(TrainingCompletion.valid_until.is_(None), TrainingCompletion.valid_until >= day)
    return exists().where(
        TrainingCompletion.person_id == TrainingAssignment.person_id,
        TrainingCompletion.requirement == TrainingAssignment.requirement,
        counts,
    )


def find_completions(
    session: Session, person_id: UUID | None, limit: int, cursor: str | None
) -> Page[TrainingCompletion]:
    """Completions, newest first."""
    query = select(TrainingCompletion)
    if person_id:
        query = query.where(TrainingCompletion.person_id == person_id)
    return page(session, query, [TrainingCompletion.id], limit=limit, cursor=cursor)


def ask(session: Session, work: Work) -> list[Asked]:
    """What the rules would ask of some work, and when it is first due."""
    found = reading.asked(requirements(session, now().date()), work)
    return [Asked(entry, reading.first_due(entry.body, work)) for entry in found]
