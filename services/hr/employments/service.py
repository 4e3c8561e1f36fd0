"""What is done with employments: propose, select, hold, end; and what follows: site, training, who sees the person."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select as query_of
from sqlalchemy.orm import Session

from services.hr.assignments import service as assignments
from services.hr.assignments.models import SiteAssignment
from services.hr.employers import service as employers
from services.hr.employers.models import HeldForCounsel
from services.hr.employers.rules import CLINICAL_ENTITY, Action
from services.hr.employments.models import Employment, EmploymentStatus, NotHeld
from services.hr.people.models import Person
from services.hr.positions import rules as positions
from services.hr.training import service as training
from services.hr.training.models import TrainingAssignment
from services.hr.training.rules import Work
from shared import decisions, directory
from shared.clock import now
from shared.contracts.hr import (
    EmploymentEnded,
    EmploymentHeld,
    EmploymentProposed,
    EmploymentRefused,
    EmploymentStarted,
)
from shared.db import get, lock
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

SELECT, TERMINATE = "hr.clinician.select", "hr.clinician.terminate"


def propose(session: Session, context: Context, body: dict[str, Any]) -> Employment:
    """Employ somebody in a business position, or propose a clinician to the clinical entity's owner.

    Raises ClinicianEmployedByBusiness, DualRoleBarred, DeciderUnclear, NotPractisingThere, NoAgreementThere,
    RuleUnknown.
    """
    person = lock(session, Person, body["person_id"])
    employer = directory.entity(session, context.scope.legal_entity_id)
    row = Employment(
        organization_id=context.organization_id,
        person_id=person.id,
        legal_entity_id=employer.id,
        employer_kind=employer.kind,
        position=body["position"],
        clinical=positions.is_clinical(body["position"], positions.kinds(session)),
        exposures=sorted(set(body["exposures"])),
        location_ids=sorted(set(body["location_ids"])),
        starts_on=body["starts_on"],
        status=EmploymentStatus.PROPOSED,
        flags=[],
        sources=[],
        proposed_by=context.principal_id,
        proposed_at=now(),
    )
    held = _admit(session, row)
    session.add(row)
    session.flush()
    _proceed(session, row, person, held)
    return row


def recheck(session: Session, context: Context, employment_id: UUID) -> Employment:
    """Judge a held employment anew by the rules now in force."""
    row = own(session, context, employment_id)
    if row.status != EmploymentStatus.HELD:
        raise NotHeld(f"It is {row.status}.")
    person = lock(session, Person, row.person_id)
    row.status = EmploymentStatus.PROPOSED
    _proceed(session, row, person, _admit(session, row))
    return row


def _admit(session: Session, row: Employment) -> bool:
    """Judge a proposal and note what the rules say; returns whether it is held."""
    places = [directory.location(session, location_id) for location_id in row.location_ids]
    employer = directory.entity(session, row.legal_entity_id)
    for site in places:
        employers.check_site(session, employer, site, row.starts_on)
    states = employers.states_of(employer, places)
    verdict = employers.refuse(
        employers.judge(session, clinical=row.clinical, employer_kind=employer.kind, states=states)
    )
    row.flags = ["cpom"] if verdict.action is Action.FLAG else []
    row.sources, row.rule_version, row.reason = list(verdict.sources), verdict.rule_version, verdict.why or None
    if verdict.action is Action.HOLD:
        return True
    if row.clinical:
        row.deciding_entity_id = employers.deciding_entity(employer, places)
    if _is_dual(session, row, states):
        row.flags = [*row.flags, "dual_role"]
    return False


def _is_dual(session: Session, row: Employment, states: list[str]) -> bool:
    others = query_of(Employment).where(
        Employment.person_id == row.person_id, Employment.status == EmploymentStatus.ACTIVE, Employment.id != row.id
    )
    jobs = [row, *session.execute(others).scalars()]
    practice = next((job.legal_entity_id for job in jobs if job.employer_kind == CLINICAL_ENTITY), None)
    return employers.check_dual_role(session, row.person_id, [job.employer_kind for job in jobs], states, practice)


def _proceed(session: Session, row: Employment, person: Person, held: bool) -> None:
    if held:
        row.status = EmploymentStatus.HELD
        session.flush()
        emit(session, EmploymentHeld(**_about(row), reason=row.reason or ""), row)
    elif row.clinical:
        if row.deciding_entity_id:
            person.introduce(row.deciding_entity_id)
        session.flush()
        emit(session, EmploymentProposed(**_about(row)), row)
    else:
        row.status, row.decided_at = EmploymentStatus.ACTIVE, now()
        _begin(session, row, person)


def decide(session: Session, context: Context, employment_id: UUID, *, approved: bool, why: str) -> Employment:
    """The owner of the clinical entity selects or refuses a clinician (reserved)."""
    row = lock(session, Employment, employment_id)
    person = lock(session, Person, row.person_id)
    row.select(context.scope.legal_entity_id, approved=approved, at=now())
    if approved and _admit(session, row):
        raise HeldForCounsel(row.reason or "", source=row.sources)
    decisions.take(
        session,
        context,
        SELECT,
        outcome="approved" if approved else "refused",
        legal_entity_id=context.scope.legal_entity_id,
        subject_type="employment",
        subject_id=row.id,
        summary=why,
        proposed_by=row.proposed_by,
        after={"position": row.position, "starts_on": row.starts_on.isoformat(), "status": row.status},
    )
    if approved:
        _begin(session, row, person)
    else:
        row.reason = why
        session.flush()
        told = EmploymentRefused(employment_id=row.id, person_id=row.person_id, legal_entity_id=row.legal_entity_id)
        emit(session, told, row)
    return row


def _begin(session: Session, row: Employment, person: Person) -> None:
    person.introduce(row.legal_entity_id)
    session.flush()
    for location_id in row.location_ids:
        assignments.assign(session, person, row.id, location_id, row.starts_on)
    training.assign_due(session, person, works(session, row))
    told = EmploymentStarted(**_about(row), starts_on=row.starts_on, location_ids=row.location_ids)
    emit(session, told, row)


def _about(row: Employment) -> dict[str, Any]:
    return {
        "employment_id": row.id,
        "person_id": row.person_id,
        "legal_entity_id": row.legal_entity_id,
        "position": row.position,
    }


def works(session: Session, row: Employment) -> list[Work]:
    """What an employment means for training: at each of its sites, or in its employer's state where it has none."""
    exposures = frozenset(row.exposures)
    places = [directory.location(session, location_id) for location_id in row.location_ids]
    if not places:
        state = directory.entity(session, row.legal_entity_id).state
        return [Work(row.position, exposures, state, None, row.starts_on)]
    return [Work(row.position, exposures, place.state, place.locality, row.starts_on) for place in places]


def change_exposures(session: Session, row: Employment, exposures: Iterable[str]) -> Employment:
    """Say anew what an employee meets at work; what that asks of training is assigned. `row` is locked."""
    person = lock(session, Person, row.person_id)
    row.exposures = sorted(set(exposures))
    session.flush()
    if row.status == EmploymentStatus.ACTIVE:
        training.assign_due(session, person, works(session, row))
    return row


def assign_training(session: Session, person_id: UUID) -> list[TrainingAssignment]:
    """Assign what the rules now in force ask of a person's employments; again changes nothing."""
    person = lock(session, Person, person_id)
    active = query_of(Employment).where(Employment.person_id == person_id, Employment.status == EmploymentStatus.ACTIVE)
    rows = session.execute(active.order_by(Employment.id)).scalars()
    return training.assign_due(session, person, [work for row in rows for work in works(session, row)])


def end(session: Session, context: Context, employment_id: UUID, ends_on: date, reason: str) -> Employment:
    """End the employment of somebody who is not a clinician."""
    row = own(session, context, employment_id)
    row.must_not_be_clinical()
    return _end(session, row, ends_on, reason)


def terminate(session: Session, context: Context, employment_id: UUID, ends_on: date, reason: str) -> Employment:
    """The owner of the clinical entity ends a clinician's employment (reserved)."""
    row = lock(session, Employment, employment_id)
    if row.deciding_entity_id != context.scope.legal_entity_id:
        row.must_be_of(context.scope.legal_entity_id)
    decisions.take(
        session,
        context,
        TERMINATE,
        outcome="approved",
        legal_entity_id=context.scope.legal_entity_id,
        subject_type="employment",
        subject_id=row.id,
        summary=reason,
        before={"status": row.status},
        after={"status": EmploymentStatus.ENDED, "ends_on": ends_on.isoformat()},
    )
    return _end(session, row, ends_on, reason)


def _end(session: Session, row: Employment, ends_on: date, reason: str) -> Employment:
    lock(session, Person, row.person_id)
    row.end(ends_on, reason, now())
    session.flush()
    open_ones = query_of(SiteAssignment).where(SiteAssignment.employment_id == row.id)
    for assigned in session.execute(open_ones).scalars():
        if assigned.ends_on is None or assigned.ends_on > ends_on:
            assignments.end(session, assigned, max(ends_on, assigned.starts_on))
    told = EmploymentEnded(
        employment_id=row.id, person_id=row.person_id, legal_entity_id=row.legal_entity_id, ends_on=ends_on
    )
    emit(session, told, row)
    return row


def own(session: Session, context: Context, employment_id: UUID) -> Employment:
    """The employment, locked, if the scope's entity is its employer. Raises NotTheEmployer."""
    row = lock(session, Employment, employment_id)
    row.must_be_of(context.scope.legal_entity_id)
    return row


def read(session: Session, employment_id: UUID) -> Employment:
    """Raises NotFound."""
    return get(session, Employment, employment_id)


def find(
    session: Session, person_id: UUID | None, status: str | None, limit: int, cursor: str | None
) -> Page[Employment]:
    """Employments, newest first."""
    query = query_of(Employment)
    if person_id:
        query = query.where(Employment.person_id == person_id)
    if status:
        query = query.where(Employment.status == status)
    return page(session, query, [Employment.id], limit=limit, cursor=cursor)
