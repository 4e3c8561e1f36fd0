"""Facts of the directory: organizations, entities, locations, agreements, people's access, rules."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from shared.contracts.base import AuditRecorded as _Audit
from shared.contracts.base import DecisionTaken as _Decision
from shared.contracts.base import Event


class OrganizationRegistered(Event, frozen=True, kw_only=True):
    """A franchise brand joined the platform."""

    type = "gateway.organization.registered"
    organization_id: UUID
    name: str
    currency: str


class LegalEntityRecorded(Event, frozen=True, kw_only=True):
    """The present state of a legal entity (a snapshot: the newest aggregate version wins)."""

    type = "gateway.legal_entity.recorded"
    legal_entity_id: UUID
    kind: Literal["mso", "clinical_entity", "franchisee"]
    name: str
    state: str
    form: str


class LocationRecorded(Event, frozen=True, kw_only=True):
    """The present state of a location (a snapshot)."""

    type = "gateway.location.recorded"
    location_id: UUID
    code: str
    name: str
    state: str
    locality: str | None
    time_zone: str
    legal_entity_id: UUID  # the clinical entity that practises there
    status: Literal["planned", "open", "closed"]


class AgreementRecorded(Event, frozen=True, kw_only=True):
    """The present state of a management services agreement (a snapshot)."""

    type = "gateway.agreement.recorded"
    agreement_id: UUID
    mso_id: UUID
    legal_entity_id: UUID
    location_ids: list[UUID]
    services: list[str]
    signed_on: date | None
    starts_on: date
    ends_on: date | None  # last day in force


class BusinessAssociateAgreementRecorded(Event, frozen=True, kw_only=True):
    """The present state of a business-associate agreement, 45 CFR 164.504(e) (a snapshot)."""

    type = "gateway.business_associate_agreement.recorded"
    agreement_id: UUID
    legal_entity_id: UUID
    business_associate_id: UUID
    signed_on: date
    ends_on: date | None


class RuleRecorded(Event, frozen=True, kw_only=True):
    """One entry of the rules dataset, in one version. Belongs to the platform, not to a franchise."""

    type = "gateway.rule.recorded"
    kind: str  # state | reserved_decision | training | credential | procedure_default | fee_model | fee_policy | source
    key: str
    dataset_version: str
    effective_from: date
    effective_to: date | None
    reviewed: date
    body: dict[str, Any]


class UserRecorded(Event, frozen=True, kw_only=True):
    """A user account was opened, changed, locked or closed."""

    type = "gateway.user.recorded"
    user_id: UUID
    kind: Literal["person", "machine"]
    status: str
    change: str


class GrantGiven(Event, frozen=True, kw_only=True):
    """A role was granted over a scope."""

    type = "gateway.grant.given"
    grant_id: UUID
    user_id: UUID
    role: str
    role_plane: str
    scope_kind: str
    scope_id: UUID | None
    starts_on: date
    ends_on: date | None
    given_by: UUID | None


class GrantRevoked(Event, frozen=True, kw_only=True):
    """A grant ended before its time."""

    type = "gateway.grant.revoked"
    grant_id: UUID
    user_id: UUID
    revoked_by: UUID | None
    revoked_at: datetime


class DecisionTaken(_Decision, frozen=True, kw_only=True):
    """A reserved decision that the directory governs (purpose grants, agreements)."""

    type = "gateway.decision.taken"


class AuditRecorded(_Audit, frozen=True, kw_only=True):
    """Something in the directory changed that no other event tells."""

    type = "gateway.audit.recorded"
