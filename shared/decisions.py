"""Reserved decisions: taken only by their decider, recorded once, revoked but never edited.

Who decides what comes from the rules dataset (kind `reserved_decision`), not from code.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from shared import rules
from shared.clock import now
from shared.contracts.base import REGISTRY
from shared.db import Base, EntityOwned, HasId
from shared.errors import Conflict, Forbidden
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


class DecisionNotOnRecord(Forbidden):
    """This is done only after the gateway's decision to allow it was recorded."""


class DecisionSpent(Conflict):
    """The gateway's decision behind this request was used already."""


class ReservedDecision(HasId, EntityOwned, Base):
    """The record of one reserved decision: who, role, licence, when, proposed by whom, rule version, source.

    One decision of the gateway lets one be taken: a context token that is sent again decides nothing more.
    """

    __tablename__ = "reserved_decision"
    __table_args__ = (UniqueConstraint("organization_id", "gateway_decision_id"),)
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
    gateway_decision_id: Mapped[UUID]
    proposed_by: Mapped[UUID | None]
    rule_version: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    decided_at: Mapped[datetime]
    revokes: Mapped[UUID | None]


def on_record(context: Context) -> UUID:
    """The id of the gateway's recorded decision behind a request. Raises DecisionNotOnRecord."""
    if context.decision_id is None:
        raise DecisionNotOnRecord("Come through the gateway.", policy="service.recorded-first")
    return context.decision_id


def require_unspent(session: Session, context: Context) -> None:
    """Refuse at once what `take` would refuse at the end. Raises DecisionSpent, DecisionNotOnRecord."""
    spent = select(ReservedDecision.id).where(ReservedDecision.gateway_decision_id == on_record(context))
    if session.execute(spent).first() is not None:
        raise _spent()


def _spent() -> DecisionSpent:
    return DecisionSpent("Send the request again through the gateway: each time it decides anew.")


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
    """Record a reserved decision and tell it. Raises NotTheDecider, RuleUnknown, DecisionNotOnRecord, DecisionSpent.

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
        gateway_decision_id=on_record(context),
        proposed_by=proposed_by,
        rule_version=entry.dataset_version,
        sources=list(entry.body.get("sources", [])),
        before=before,
        after=after,
        decided_at=now(),
        revokes=revokes,
    )
    session.flush()  # what the decision is about may hit constraints of its own
    session.add(record)
    try:
        session.flush()
    except IntegrityError as error:
        # Of two requests with one decision at the same moment both find it unspent; the database lets one through.
        raise _spent() from error
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
