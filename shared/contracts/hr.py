"""Facts of people: employments, credentials, training, shifts."""

from datetime import date, datetime
from uuid import UUID

from shared.contracts.base import AuditRecorded as _Audit
from shared.contracts.base import DecisionTaken as _Decision
from shared.contracts.base import Event


class EmploymentProposed(Event, frozen=True, kw_only=True):
    """The business side proposed to employ a clinician; the clinical entity's owner decides."""

    type = "hr.employment.proposed"
    employment_id: UUID
    person_id: UUID
    legal_entity_id: UUID
    position: str


class EmploymentStarted(Event, frozen=True, kw_only=True):
    """A person is employed by a legal entity."""

    type = "hr.employment.started"
    employment_id: UUID
    person_id: UUID
    legal_entity_id: UUID
    position: str
    starts_on: date
    location_ids: list[UUID]


class EmploymentRefused(Event, frozen=True, kw_only=True):
    """A proposed employment was refused by the clinical entity's owner."""

    type = "hr.employment.refused"
    employment_id: UUID
    person_id: UUID
    legal_entity_id: UUID


class EmploymentEnded(Event, frozen=True, kw_only=True):
    """An employment ended."""

    type = "hr.employment.ended"
    employment_id: UUID
    person_id: UUID
    legal_entity_id: UUID
    ends_on: date


class EmploymentHeld(Event, frozen=True, kw_only=True):
    """No rule in force decides whether this employer may employ this clinician; counsel must look first."""

    type = "hr.employment.held"
    employment_id: UUID
    person_id: UUID
    legal_entity_id: UUID
    position: str
    reason: str


class PersonAssigned(Event, frozen=True, kw_only=True):
    """A person works at a site from a day on."""

    type = "hr.assignment.started"
    assignment_id: UUID
    employment_id: UUID
    person_id: UUID
    location_id: UUID
    starts_on: date


class AssignmentEnded(Event, frozen=True, kw_only=True):
    """A person works at a site no longer than a day."""

    type = "hr.assignment.ended"
    assignment_id: UUID
    person_id: UUID
    location_id: UUID
    ends_on: date


class CredentialVerified(Event, frozen=True, kw_only=True):
    """A credential was looked up at its source; a finding other than confirmed takes it out of use."""

    type = "hr.credential.verified"
    credential_id: UUID
    verification_id: UUID
    person_id: UUID
    kind: str
    finding: str
    checked_on: date


class CredentialRecorded(Event, frozen=True, kw_only=True):
    """A licence, certificate or check was recorded or verified for a person."""

    type = "hr.credential.recorded"
    credential_id: UUID
    person_id: UUID
    kind: str
    state: str | None
    expires_on: date | None


class TrainingAssigned(Event, frozen=True, kw_only=True):
    """A training requirement of the rules became due for a person."""

    type = "hr.training.assigned"
    assignment_id: UUID
    person_id: UUID
    requirement: str
    due_on: date | None


class TrainingCompleted(Event, frozen=True, kw_only=True):
    """A person completed a required training."""

    type = "hr.training.completed"
    completion_id: UUID
    person_id: UUID
    requirement: str
    completed_on: date
    valid_until: date | None


class ShiftPublished(Event, frozen=True, kw_only=True):
    """A shift was published: every check passed, or a named override stands."""

    type = "hr.shift.published"
    shift_id: UUID
    person_id: UUID
    location_id: UUID
    starts_at: datetime
    ends_at: datetime


class ShiftUnpublished(Event, frozen=True, kw_only=True):
    """A published shift was taken back or cancelled."""

    type = "hr.shift.unpublished"
    shift_id: UUID
    person_id: UUID
    location_id: UUID
    reason: str


class ShiftOverridden(Event, frozen=True, kw_only=True):
    """A named person let a shift pass without one thing that no law asks for, and said why."""

    type = "hr.shift.overridden"
    override_id: UUID
    shift_id: UUID
    location_id: UUID
    item: str
    decided_by: UUID


class DecisionTaken(_Decision, frozen=True, kw_only=True):
    """A reserved decision about people."""

    type = "hr.decision.taken"


class AuditRecorded(_Audit, frozen=True, kw_only=True):
    """Something in hr changed that no other event tells."""

    type = "hr.audit.recorded"
