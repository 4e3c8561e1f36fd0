"""Judging employers by the rules in force, and the owner's clearance of dual roles."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.employers.models import (
    ClinicianEmployedByBusiness,
    DeciderUnclear,
    DualRoleBarred,
    DualRoleClearance,
    HeldForCounsel,
    NoAgreementThere,
    NotPractisingThere,
    SiteClosed,
)
from services.hr.employers.rules import (
    CLINICAL_ENTITY,
    DUAL_ROLE,
    POLICY,
    Action,
    Verdict,
    dual_role_barred,
    is_dual,
    judge_employer,
)
from services.hr.people.models import Person
from shared import clock, decisions, directory, rules
from shared.clock import now
from shared.db import lock
from shared.directory import KnownEntity, KnownLocation
from shared.identity import Context


def check_site(session: Session, employer: KnownEntity, place: KnownLocation, starts_on: date) -> None:
    """A clinical entity staffs its own sites, a company those that it manages. Raises SiteClosed, NotPractisingThere,
    NoAgreementThere."""
    if place.status == "closed":
        raise SiteClosed(f"{place.name} takes nobody any more.")
    if employer.kind == CLINICAL_ENTITY:
        if place.legal_entity_id != employer.id:
            raise NotPractisingThere(f"{employer.name} does not practise at {place.name}.")
    elif not manages(session, employer.id, place, max(starts_on, clock.today(place.time_zone))):
        raise NoAgreementThere(f"{employer.name} does not manage {place.name} on that day.")


def manages(session: Session, company_id: UUID, place: KnownLocation, day: date) -> bool:
    """Whether a company's management agreement is in force at a site on a day."""
    agreement = directory.agreement_for(session, place.id, day)
    return agreement is not None and agreement.mso_id == company_id


def states_of(employer: KnownEntity, places: Sequence[KnownLocation]) -> list[str]:
    """Where the work is done: the sites' states, else the employer's."""
    return sorted({place.state for place in places}) or [employer.state]


def judge(session: Session, *, clinical: bool, employer_kind: str, states: Sequence[str]) -> Verdict:
    """What the employer-of-record rule says today. Never raises for a hold: see `refuse`."""
    today = now().date()
    found = [(state, rules.rule(session, "state", state, today)) for state in states]
    return judge_employer(clinical=clinical, employer_kind=employer_kind, states=found, on=today)


def refuse(verdict: Verdict, *, holds: bool = False) -> Verdict:
    """The verdict, unless it refuses (raises ClinicianEmployedByBusiness) or, with `holds`, waits (HeldForCounsel)."""
    if verdict.action is Action.REFUSE:
        raise ClinicianEmployedByBusiness(
            verdict.why,
            policy=POLICY,
            why=verdict.why,
            source=list(verdict.sources),
            who_can="the clinical entity that practises at the site",
        )
    if holds and verdict.action is Action.HOLD:
        raise HeldForCounsel(verdict.why, policy=POLICY, why=verdict.why, source=list(verdict.sources))
    return verdict


def deciding_entity(employer: KnownEntity, places: Sequence[KnownLocation]) -> UUID:
    """The clinical entity whose owner selects a clinician. Raises DeciderUnclear."""
    if employer.kind == CLINICAL_ENTITY:
        return employer.id
    practising = {place.legal_entity_id for place in places}
    if len(practising) != 1:
        raise DeciderUnclear(f"The sites belong to {len(practising)} clinical entities.")
    return practising.pop()


def check_dual_role(
    session: Session, person_id: UUID, kinds: Sequence[str], states: Sequence[str], clinical_entity_id: UUID | None
) -> bool:
    """Whether this makes somebody work for both sides. Raises DualRoleBarred where a state bars that and the owner of
    the clinical entity has not cleared it."""
    if not is_dual(kinds):
        return False
    entry = rules.require(session, "reserved_decision", DUAL_ROLE, now().date())
    barred = dual_role_barred(entry.body, states)
    if barred and not (clinical_entity_id and is_cleared(session, person_id, clinical_entity_id)):
        raise DualRoleBarred(
            f"{', '.join(barred)} bars it.",
            policy=DUAL_ROLE,
            why=entry.body["title"],
            source=[f"reserved_decision:{entry.key}@{entry.dataset_version}", *entry.body["sources"]],
            who_can="the owner of the clinical entity",
        )
    return True


def is_cleared(session: Session, person_id: UUID, legal_entity_id: UUID) -> bool:
    """What the newest clearance record of an entity says of a person."""
    newest = (
        select(DualRoleClearance.cleared)
        .where(DualRoleClearance.person_id == person_id, DualRoleClearance.legal_entity_id == legal_entity_id)
        .order_by(DualRoleClearance.id.desc())
        .limit(1)
    )
    return bool(session.execute(newest).scalar())


def clear(session: Session, context: Context, person_id: UUID, *, cleared: bool, reason: str) -> DualRoleClearance:
    """The owner clears somebody who works for both sides, or takes the clearance back (reserved)."""
    person = lock(session, Person, person_id)
    row = DualRoleClearance(
        organization_id=context.organization_id,
        person_id=person.id,
        legal_entity_id=context.scope.legal_entity_id,
        cleared=cleared,
        reason=reason,
        decided_by=context.principal_id,
        decided_at=now(),
    )
    session.add(row)
    session.flush()
    decisions.take(
        session,
        context,
        DUAL_ROLE,
        outcome="approved" if cleared else "revoked",
        legal_entity_id=row.legal_entity_id,
        subject_type="person",
        subject_id=person.id,
        summary=reason,
    )
    return row
