"""What is done with credentials: record, verify, look up."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.credentials import rules as asked
from services.hr.credentials.models import Credential, CredentialStanding, CredentialVerification
from services.hr.credentials.rules import BadPeriod
from services.hr.people.models import Person, check_npi
from services.hr.positions import rules as positions
from shared import rules
from shared.clock import now, today
from shared.contracts.hr import CredentialRecorded, CredentialVerified
from shared.db import get, lock
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page
from shared.rules import Rule


def kinds(session: Session) -> list[Rule]:
    """The kinds that people hold. Raises RuleUnknown."""
    return positions.kinds(session)


def record(session: Session, context: Context, person_id: UUID, body: dict[str, Any]) -> CredentialStanding:
    """Record a credential, with its verification where that is sent along."""
    person = lock(session, Person, person_id)
    entry = rules.require(session, "credential", body["kind"], now().date())
    asked.check_holder(entry.key, entry.body)
    asked.check_place(entry.body, body["state"])
    asked.check_number(entry.key, body["number"])
    if entry.key == asked.NPI:
        person.npi = check_npi(body["number"])
    row = Credential(
        organization_id=person.organization_id,
        person_id=person.id,
        kind=entry.key,
        title=entry.body["title"],
        state=body["state"],
        number=body["number"],
        issued_on=body["issued_on"],
        expires_on=asked.last_day(entry.key, entry.body, body["issued_on"], body["expires_on"], today()),
        dataset_version=entry.dataset_version,
        recorded_by=context.principal_id,
        recorded_at=now(),
    )
    session.add(row)
    session.flush()
    told = CredentialRecorded(
        credential_id=row.id, person_id=person.id, kind=row.kind, state=row.state, expires_on=row.expires_on
    )
    emit(session, told, row)
    found = body["verification"]
    return CredentialStanding(row, _verify(session, context, row, found) if found else None)


def verify(session: Session, context: Context, credential_id: UUID, body: dict[str, Any]) -> CredentialStanding:
    """Record what a look-up at the source found."""
    row = get(session, Credential, credential_id)
    return CredentialStanding(row, _verify(session, context, row, body))


def _verify(session: Session, context: Context, row: Credential, body: dict[str, Any]) -> CredentialVerification:
    if body["checked_on"] > today():
        raise BadPeriod(f"Checked on {body['checked_on']}; today is {today()}.")
    found = CredentialVerification(
        organization_id=row.organization_id,
        person_id=row.person_id,
        credential_id=row.id,
        checked_by=context.principal_id,
        **body,
    )
    session.add(found)
    session.flush()
    told = CredentialVerified(
        credential_id=row.id,
        verification_id=found.id,
        person_id=row.person_id,
        kind=row.kind,
        finding=found.finding,
        checked_on=found.checked_on,
    )
    emit(session, told, found)
    return found


def standings(session: Session, credentials: Iterable[Credential]) -> list[CredentialStanding]:
    """These credentials with their newest verifications."""
    rows = list(credentials)
    looked_up = (
        select(CredentialVerification)
        .where(CredentialVerification.credential_id.in_([row.id for row in rows]))
        .order_by(CredentialVerification.checked_on, CredentialVerification.id)
    )
    newest = {found.credential_id: found for found in session.execute(looked_up).scalars()}
    return [CredentialStanding(row, newest.get(row.id)) for row in rows]


def of_people(session: Session, person_ids: Iterable[UUID]) -> list[CredentialStanding]:
    """Everything these people hold or held."""
    held = select(Credential).where(Credential.person_id.in_(list(person_ids)))
    return standings(session, session.execute(held).scalars())


def read(session: Session, credential_id: UUID) -> CredentialStanding:
    """Raises NotFound."""
    return standings(session, [get(session, Credential, credential_id)])[0]


def find(
    session: Session,
    person_id: UUID | None,
    kind: str | None,
    expires_before: date | None,
    limit: int,
    cursor: str | None,
) -> Page[CredentialStanding]:
    """Credentials, newest record first."""
    query = select(Credential)
    if person_id:
        query = query.where(Credential.person_id == person_id)
    if kind:
        query = query.where(Credential.kind == kind)
    if expires_before:
        query = query.where(Credential.expires_on < expires_before)
    rows: Page[Credential] = page(session, query, [Credential.id], limit=limit, cursor=cursor)
    return Page(standings(session, rows.items), rows.next)
