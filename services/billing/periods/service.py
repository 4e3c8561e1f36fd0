"""Month close: what is still open, closing, reopening."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.billing.fee_statements.models import FeeStatement
from services.billing.fee_statements.rules import span
from services.billing.fees.models import Status
from services.billing.ledger.books import lock_month, next_month
from services.billing.ledger.models import AccountingPeriod, PeriodStatus
from services.billing.reports.service import freeze, thaw, totals
from shared.clock import now, today
from shared.contracts.billing import PeriodClosed, PeriodReopened
from shared.directory import KnownAgreement
from shared.errors import Conflict, NotFound
from shared.identity import Context
from shared.inbox import OPEN, Parked
from shared.outbox import emit
from shared.pagination import Page, page


class NotReadyToClose(Conflict):
    """Something stands against closing this month."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the closing checklist. A `stop` must be put right; a `warning` may be accepted by whoever closes."""

    id: str
    severity: Literal["stop", "warning"]
    done: bool
    detail: str


def checklist(session: Session, legal_entity_id: UUID, month: date) -> list[Item]:
    """What is to be done before a month is closed."""
    unstated = _unstated(session, legal_entity_id, month)
    parked = session.scalar(select(func.count()).select_from(Parked).where(Parked.status.in_(OPEN))) or 0
    earlier = _earlier_open(session, legal_entity_id, month)
    sums = totals(session, legal_entity_id, month, next_month(month) - timedelta(days=1))
    debit, credit = sum(each.debit for each in sums), sum(each.credit for each in sums)
    return [
        Item("month_over", "stop", next_month(month) <= today(), f"The month ends before {next_month(month)}."),
        Item("earlier_months", "stop", not earlier, ", ".join(earlier) or "Every earlier month is closed."),
        Item("balanced", "stop", debit == credit, f"Debits {debit}, credits {credit}."),
        Item("fee_statements", "warning", not unstated, "; ".join(unstated) or "Every fee is approved."),
        Item("events", "warning", parked == 0, f"{parked} events wait to be applied."),
    ]


def _unstated(session: Session, legal_entity_id: UUID, month: date) -> list[str]:
    """Agreements of a clinical entity that were in force in the month and whose fee is not approved."""
    ours = KnownAgreement.legal_entity_id == legal_entity_id
    approved = set(
        session.scalars(
            select(FeeStatement.agreement_id).where(FeeStatement.month == month, FeeStatement.status == Status.APPROVED)
        )
    )
    return [
        f"agreement {agreement.id} has no approved fee statement"
        for agreement in session.scalars(select(KnownAgreement).where(ours))
        if agreement.signed_on and span(month, agreement.starts_on, agreement.ends_on) and agreement.id not in approved
    ]


def _earlier_open(session: Session, legal_entity_id: UUID, month: date) -> list[str]:
    query = select(AccountingPeriod).where(
        AccountingPeriod.legal_entity_id == legal_entity_id,
        AccountingPeriod.starts_on < month,
        AccountingPeriod.status == PeriodStatus.OPEN,
    )
    return [f"{period.month} is open" for period in session.scalars(query.order_by(AccountingPeriod.starts_on))]


def close(
    session: Session, context: Context, month: date, *, accept_warnings: bool, note: str | None
) -> AccountingPeriod:
    """Close a month: from here on its books take nothing. Raises NotReadyToClose, ledger PeriodClosed."""
    legal_entity_id = context.scope.legal_entity_id
    period = lock_month(session, legal_entity_id, month)
    if period.status == PeriodStatus.OPEN:
        _check_ready(checklist(session, legal_entity_id, month), accept_warnings)
        # Before the status changes: from then on the totals are read from what is stored here.
        freeze(session, legal_entity_id, month)
    period.close(context.principal_id, now(), note)
    session.flush()
    emit(session, PeriodClosed(period_id=period.id, legal_entity_id=legal_entity_id, period=period.month), period)
    return period


def _check_ready(items: list[Item], accept_warnings: bool) -> None:
    against = [item for item in items if not item.done and not (accept_warnings and item.severity == "warning")]
    if against:
        missing: list[dict[str, Any]] = [{"id": i.id, "severity": i.severity, "detail": i.detail} for i in against]
        raise NotReadyToClose("; ".join(item.detail for item in against), checklist=missing)


def reopen(session: Session, context: Context, month: date, reason: str) -> AccountingPeriod:
    """Open a closed month again. Raises PeriodOpen."""
    legal_entity_id = context.scope.legal_entity_id
    period = lock_month(session, legal_entity_id, month)
    period.reopen(context.principal_id, now(), reason)
    thaw(session, legal_entity_id, month)
    session.flush()
    emit(
        session,
        PeriodReopened(period_id=period.id, legal_entity_id=legal_entity_id, period=period.month, reason=reason),
        period,
    )
    return period


def read(session: Session, legal_entity_id: UUID, month: date) -> AccountingPeriod:
    """Raises NotFound for a month that has no entry and was never closed."""
    query = select(AccountingPeriod).where(
        AccountingPeriod.legal_entity_id == legal_entity_id, AccountingPeriod.starts_on == month
    )
    found = session.scalars(query).first()
    if found is None:
        raise NotFound("Nothing is posted in this month.")
    return found


def listing(session: Session, *, limit: int, cursor: str | None) -> Page[AccountingPeriod]:
    """The latest month first."""
    keys = [AccountingPeriod.starts_on, AccountingPeriod.id]
    return page(session, select(AccountingPeriod), keys, limit=limit, cursor=cursor)
