"""What a statement is figured from: revenue in the books, costs borne for the sites, counted units."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, distinct, exists, func, select
from sqlalchemy.orm import Session

from services.billing.fee_statements.models import BilledItem, FeeStatement, FeeUsage
from services.billing.fee_statements.rules import Item, Revenue, Span
from services.billing.fees.models import FeeTerms, Status
from services.billing.ledger.chart import MANAGEMENT_FEE, AccountKind
from services.billing.ledger.models import JournalLine, LedgerAccount
from services.billing.payables.models import CostFact
from shared.directory import KnownAgreement
from shared.money import Cents
from shared.pagination import Page, page

_ZERO = Decimal("0.00")


def revenue(session: Session, agreement: KnownAgreement, accounts: Iterable[str], days: Span) -> list[Revenue]:
    """Gross revenue of the agreement's sites in the clinical entity's books, by account.

    Invoices stand there without their tax, credit notes against them; so the base nets refunds and leaves tax out.
    """
    query = (
        select(
            LedgerAccount.code,
            LedgerAccount.name,
            func.sum(JournalLine.credit - JournalLine.debit, type_=Cents()),
            func.count(distinct(JournalLine.entry_id)),
        )
        .join(JournalLine, _its_lines())
        .where(LedgerAccount.legal_entity_id == agreement.legal_entity_id, LedgerAccount.code.in_(list(accounts)))
        .where(JournalLine.posted_on.between(days.first, days.last))
        .where(JournalLine.location_id.in_(agreement.location_ids))
        .group_by(LedgerAccount.code, LedgerAccount.name)
        .order_by(LedgerAccount.code)
    )
    return [Revenue(code, name, total, count) for code, name, total, count in session.execute(query)]


def profit_before_fee(session: Session, legal_entity_id: UUID, days: Span) -> tuple[Decimal, Decimal]:
    """(revenue, profit without the management fee) of a clinical entity in a month."""
    result = func.sum(JournalLine.credit - JournalLine.debit, type_=Cents()).label("result")
    query = (
        select(LedgerAccount.kind, result)
        .join(JournalLine, _its_lines())
        .where(LedgerAccount.legal_entity_id == legal_entity_id, LedgerAccount.code != MANAGEMENT_FEE)
        .where(LedgerAccount.kind.in_([AccountKind.REVENUE, AccountKind.EXPENSE]))
        .where(JournalLine.posted_on.between(days.first, days.last))
        .group_by(LedgerAccount.kind)
    )
    sums = {row.kind: row.result for row in session.execute(query)}
    earned = sums.get(AccountKind.REVENUE, _ZERO)
    return earned, earned + sums.get(AccountKind.EXPENSE, _ZERO)


def costs(session: Session, agreement: KnownAgreement, first: date, days: Span) -> list[Item]:
    """Costs the MSO bore for the sites since `first` that no approved statement charged yet; a late one is not lost."""
    query = (
        select(CostFact)
        .where(CostFact.mso_id == agreement.mso_id, CostFact.location_id.in_(agreement.location_ids))
        .where(CostFact.incurred_on.between(max(first, agreement.starts_on), days.last), ~_billed(CostFact.id))
        .order_by(CostFact.incurred_on, CostFact.id)
    )
    return [
        Item(cost.id, cost.category, cost.amount, cost.incurred_on, f"{cost.document}, {cost.vendor_name}")
        for cost in session.scalars(query)
    ]


def usage(session: Session, agreement: KnownAgreement, days: Span) -> list[Item]:
    """Counted units up to the end of the month that no approved statement charged yet."""
    query = (
        select(FeeUsage)
        .where(FeeUsage.agreement_id == agreement.id, FeeUsage.performed_on <= days.last, ~_billed(FeeUsage.id))
        .order_by(FeeUsage.performed_on, FeeUsage.id)
    )
    return [
        Item(each.id, each.unit, each.quantity, each.performed_on, each.reference) for each in session.scalars(query)
    ]


def statement_of(session: Session, agreement_id: UUID, month: date) -> FeeStatement | None:
    """The month's statement that is drafted or approved."""
    query = select(FeeStatement).where(
        FeeStatement.agreement_id == agreement_id,
        FeeStatement.month == month,
        FeeStatement.status != Status.REFUSED,
    )
    return session.scalars(query).first()


def approved_before(session: Session, agreement_id: UUID, month: date, limit: int) -> list[FeeStatement]:
    """The newest approved statements of earlier months, newest first."""
    query = select(FeeStatement).where(
        FeeStatement.agreement_id == agreement_id,
        FeeStatement.month < month,
        FeeStatement.status == Status.APPROVED,
    )
    return list(session.scalars(query.order_by(FeeStatement.month.desc()).limit(limit)))


def flat_changes(terms: Iterable[FeeTerms], since: date, until: date) -> int:
    """How often the terms were set anew after `since`, up to `until`."""
    return sum(1 for each in terms if since < each.effective_from <= until)


def listing(
    session: Session, *, limit: int, cursor: str | None, agreement_id: UUID | None, month: date | None, status: Any
) -> Page[FeeStatement]:
    """The newest first."""
    query = select(FeeStatement)
    equal = {"agreement_id": agreement_id, "month": month, "status": status}
    query = query.filter_by(**{name: value for name, value in equal.items() if value is not None})
    return page(session, query, [FeeStatement.id], limit=limit, cursor=cursor)


def _its_lines() -> ColumnElement[bool]:
    return and_(
        JournalLine.organization_id == LedgerAccount.organization_id,
        JournalLine.legal_entity_id == LedgerAccount.legal_entity_id,
        JournalLine.account_code == LedgerAccount.code,
    )


def _billed(item_id: Any) -> ColumnElement[bool]:
    return exists().where(BilledItem.item_id == item_id)


def usage_log(session: Session, *, limit: int, cursor: str | None, agreement_id: UUID | None) -> Page[FeeUsage]:
    """The newest first."""
    query = select(FeeUsage)
    if agreement_id:
        query = query.where(FeeUsage.agreement_id == agreement_id)
    return page(session, query, [FeeUsage.id], limit=limit, cursor=cursor)
