"""Recording evidence, and finding what is current on a day."""

from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.billing.evidence.models import CounselMemo, FairMarketValueOpinion
from shared import rules
from shared.clock import now, today
from shared.contracts.billing import AuditRecorded
from shared.identity import Context
from shared.outbox import emit
from shared.pagination import Page, page

_Evidence = TypeVar("_Evidence", FairMarketValueOpinion, CounselMemo)


def record(session: Session, context: Context, kind: type[_Evidence], **values: Any) -> _Evidence:
    """File a piece of evidence. Raises BadEvidence, RuleUnknown (a fee model that the dataset does not have)."""
    rules.require(session, "fee_model", values["fee_model"], today())
    row = kind(
        organization_id=context.organization_id,
        legal_entity_id=context.scope.legal_entity_id,
        recorded_by=context.principal_id,
        recorded_at=now(),
        **values,
    )
    row.check(today())
    session.add(row)
    session.flush()
    detail = {"fee_model": row.fee_model, "expires_on": row.expires_on.isoformat(), "document": row.document}
    recorded = AuditRecorded(
        action=context.operation, subject_type=kind.__tablename__, subject_id=str(row.id), detail=detail
    )
    emit(session, recorded, row)
    return row


def listing(session: Session, kind: type[_Evidence], *, limit: int, cursor: str | None) -> Page[_Evidence]:
    """The newest first."""
    return page(session, select(kind), [kind.id], limit=limit, cursor=cursor)


def current_opinion(session: Session, legal_entity_id: UUID, fee_model: str, on: date) -> FairMarketValueOpinion | None:
    """The newest opinion on the model that is current on the day."""
    query = select(FairMarketValueOpinion).where(
        FairMarketValueOpinion.legal_entity_id == legal_entity_id,
        FairMarketValueOpinion.fee_model == fee_model,
        FairMarketValueOpinion.valued_on <= on,
    )
    newest = session.scalars(query.order_by(FairMarketValueOpinion.valued_on.desc(), FairMarketValueOpinion.id.desc()))
    return _if_current(newest.first(), on, _max_age(session, "fmv_opinion", on))


def current_memo(session: Session, legal_entity_id: UUID, fee_model: str, state: str, on: date) -> CounselMemo | None:
    """The newest memo on the model in a state that is current on the day."""
    query = select(CounselMemo).where(
        CounselMemo.legal_entity_id == legal_entity_id,
        CounselMemo.fee_model == fee_model,
        CounselMemo.state == state,
        CounselMemo.written_on <= on,
    )
    newest = session.scalars(query.order_by(CounselMemo.written_on.desc(), CounselMemo.id.desc()))
    return _if_current(newest.first(), on, _max_age(session, "counsel_memo", on))


def _if_current(row: _Evidence | None, on: date, max_age: timedelta) -> _Evidence | None:
    return row if row is not None and row.is_current(on, max_age) else None


def _max_age(session: Session, kind: str, on: date) -> timedelta:
    return timedelta(days=int(rules.require(session, "evidence", kind, on).body["max_age_days"]))
