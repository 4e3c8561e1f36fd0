"""What an employer does with its employees' sites: one more, or one less."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.hr.assignments import service as assignments
from services.hr.assignments.models import SiteAssignment
from services.hr.employers import service as employers
from services.hr.employments import service as employments
from services.hr.people.models import Person
from services.hr.training import service as training
from shared import directory
from shared.db import lock
from shared.identity import Context


def place(
    session: Session, context: Context, employment_id: UUID, location_id: UUID, starts_on: date
) -> SiteAssignment:
    """Let an employee work at one more site. Raises NotActive, NotPractisingThere, NoAgreementThere,
    ClinicianEmployedByBusiness, HeldForCounsel."""
    row = employments.own(session, context, employment_id)
    person = lock(session, Person, row.person_id)
    row.must_cover(starts_on)
    employer, site = directory.entity(session, row.legal_entity_id), directory.location(session, location_id)
    employers.check_site(session, employer, site, starts_on)
    verdict = employers.judge(session, clinical=row.clinical, employer_kind=employer.kind, states=[site.state])
    employers.refuse(verdict, holds=True)
    if location_id not in row.location_ids:
        row.location_ids = [*row.location_ids, location_id]
    assigned = assignments.assign(session, person, row.id, location_id, starts_on)
    training.assign_due(session, person, employments.works(session, row))
    return assigned


def displace(session: Session, context: Context, assignment_id: UUID, ends_on: date) -> SiteAssignment:
    """Let an employee work at a site no longer than a day."""
    row = lock(session, SiteAssignment, assignment_id)
    employments.own(session, context, row.employment_id)
    return assignments.end(session, row, ends_on)
