"""Look through the decision log."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.decisions.models import Decision
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions; None means any."""

    outcome: str | None = None
    operation: str | None = None
    policy: str | None = None
    principal_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def find(session: Session, wanted: Filter, *, limit: int, cursor: str | None) -> Page[Decision]:
    """Decisions the transaction's scope covers, newest first."""
    query = select(Decision)
    for name in ("outcome", "operation", "policy", "principal_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Decision, name) == value)
    if wanted.since is not None:
        query = query.where(Decision.decided_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Decision.decided_at < wanted.until)
    return page(session, query, [Decision.id], limit=limit, cursor=cursor)
