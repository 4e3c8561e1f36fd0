"""Reserved decisions: taken only by their decider, recorded once, revoked but never edited.

Who decides what comes from the rules dataset (kind `reserved_decision`), not from code.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from shared import rules
from shared.clock import now
from shared.contracts.base import REGISTRY
from shared.db import Base, EntityOwned, HasId
from shared.errors import Forbidden
from shared.identity import Context
from shared.outbox import emit

# The dataset's deciders in the product's roles.
ROLES = {
    "clinical_entity_owner": frozenset({"clinical_entity_owner"}),
    "medical_director": frozenset({"medical_director"}),
    "licensed_provider": frozenset({"provider"}),
}


class NotTheDecider(Forbidden):
    """This decision is reserved for the clinical side."""


class ReservedDecision(HasId, EntityOwned, Base):
    """The record of one reserved decision: who, role, licence, when, proposed by whom, rule version, source."""

    __tablename__ = "reserved_decision"
    __append_only__ = True

    decision: Mapped[str]
    outcome: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    summary: Mapped[str]
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decider_role: Mapped[str]
    licence: Mapped[str | None]
    gateway_decision_id: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None]
    rule_version: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    decided_at: Mapped[datetime]
    revokes: Mapped[UUID | None]


def take(
    session: Session,
    context: Context,
    decision: str,
    *,
    outcome: Literal["approved", "refused", "revoked"],
    legal_entity_id: UUID,
    subject_type: str,
    subject_id: UUID,
    summary: str,
    proposed_by: UUID | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    revokes: UUID | None = None,
) -> ReservedDecision:
    """Record a reserved decision and tell it. Raises NotTheDecider, RuleUnknown.

    `before` and `after` are JSON documents without patient data.
    """
    entry = rules.require(session, "reserved_decision", decision, now().date())
    role = _decider_role(context, entry)
    record = ReservedDecision(
        organization_id=context.organization_id,
        legal_entity_id=legal_entity_id,
        decision=decision,
        outcome=outcome,
        subject_type=subject_type,
        subject_id=subject_id,
        summary=summary,
        decided_by=context.principal_id,
        decided_by_name=context.principal_name,
        decider_role=role,
        licence=context.licence,
        gateway_decision_id=context.decision_id,
        proposed_by=proposed_by,
        rule_version=entry.dataset_version,
        sources=list(entry.body.get("sources", [])),
        before=before,
        after=after,
        decided_at=now(),
        revokes=revokes,
    )
    session.add(record)
    session.flush()
    _tell(session, record)
    return record


def _decider_role(context: Context, entry: rules.Rule) -> str:
    allowed = ROLES.get(str(entry.body.get("decides")), frozenset())
    held = sorted(allowed & context.roles)
    if context.plane != "clinical" or not held or context.principal_kind != "person":
        raise NotTheDecider(
            f"{entry.body.get('title')}: only {str(entry.body.get('decides')).replace('_', ' ')} decides.",
            policy="service.reserved-decision",
            source=entry.key,
            why=entry.body.get("title"),
        )
    return held[0]


def _tell(session: Session, record: ReservedDecision) -> None:
    kind = REGISTRY[f"{session.info['origin'].service}.decision.taken"]
    told = {name: getattr(record, name) for name in kind.__struct_fields__ if name not in ("record_id",)}
    emit(session, kind(record_id=record.id, **told), record)
