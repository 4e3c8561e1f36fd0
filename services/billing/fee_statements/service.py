"""Drafting the month's fee with its working, and the owner's approval that puts it into both books in one piece."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from services.billing.fee_statements import queries
from services.billing.fee_statements.flags import flags
from services.billing.fee_statements.models import (
    BilledItem,
    FeeStatement,
    FeeUsage,
    FutureMonth,
    NoTermsInForce,
    NotInForce,
)
from services.billing.fee_statements.rules import Correction, Item, Span, Working, figure, span
from services.billing.fees import service as fees
from services.billing.fees.judgement import Judgement
from services.billing.fees.models import FeeTerms, Status
from services.billing.fees.rules import COST_PLUS, METERED, PERCENT_OF_GROSS
from services.billing.ledger import chart
from services.billing.ledger.rules import Entry, Line
from services.billing.ledger.service import post_pair
from shared import decisions
from shared.clock import now, today
from shared.contracts.billing import FeeStatementApproved, FeeStatementDrafted
from shared.db import lock
from shared.directory import KnownAgreement
from shared.identity import Context
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit


def draft(session: Session, context: Context, agreement_id: UUID, month: date) -> FeeStatement:
    """Figure the fee of a month; a draft that is there already is figured anew.

    The statement is kept also where the guard blocks or holds it, but cannot be approved then.
    Raises NotFound, FutureMonth, NotInForce, NoTermsInForce, AlreadyDecided.
    """
    if month > today():
        raise FutureMonth(f"{month:%Y-%m} has not begun.")
    agreement = fees.hold_agreement(session, agreement_id, context.scope.legal_entity_id)
    days = _days(agreement, month)
    terms = fees.in_force(session, agreement.id, month)
    if terms is None:
        raise NoTermsInForce(f"Nothing is approved for {month:%Y-%m}.")
    statement = queries.statement_of(session, agreement.id, month) or _fresh(session, agreement, month)
    statement.check_open()
    _fill(session, statement, agreement, terms, days)
    statement.drafted_by, statement.drafted_at = context.principal_id, now()
    terms.state(month)
    session.add(statement)
    session.flush()
    emit(
        session,
        FeeStatementDrafted(
            statement_id=statement.id,
            agreement_id=agreement.id,
            legal_entity_id=statement.legal_entity_id,
            period=statement.period,
            amount=statement.amount,
            outcome=statement.outcome,
        ),
        statement,
    )
    return statement


def _days(agreement: KnownAgreement, month: date) -> Span:
    days = span(month, agreement.starts_on, agreement.ends_on) if agreement.signed_on else None
    if days is None:
        raise NotInForce(f"The agreement was not in force in {month:%Y-%m}.")
    return days


def _fresh(session: Session, agreement: KnownAgreement, month: date) -> FeeStatement:
    number = next_number(session, agreement.organization_id, "FS", month.year, agreement.legal_entity_id)
    return FeeStatement(
        id=new_id(),
        organization_id=agreement.organization_id,
        legal_entity_id=agreement.legal_entity_id,
        agreement_id=agreement.id,
        mso_id=agreement.mso_id,
        number=number,
        month=month,
        status=Status.DRAFTED,
    )


def _fill(session: Session, statement: FeeStatement, agreement: KnownAgreement, terms: FeeTerms, days: Span) -> None:
    working = compute(session, agreement, terms, statement.month, days)
    statement.terms_id, statement.fee_model = terms.id, terms.fee_model
    statement.base, statement.amount, statement.charged = working.base, working.amount, working.items
    statement.working = [line.as_json() for line in working.lines]
    judgement = fees.judge_terms(session, agreement, terms, today(), working.monthly)
    found = flags(session, agreement, terms, statement, days)
    statement.judged(Judgement(judgement.outcome, [*judgement.checks, *found], judgement.rule_version))


def compute(session: Session, agreement: KnownAgreement, terms: FeeTerms, month: date, days: Span) -> Working:
    """The fee of a month from what the books and the logs hold now."""
    items: list[Item] = []
    if terms.fee_model == PERCENT_OF_GROSS:
        revenue = queries.revenue(session, agreement, terms.base_accounts, days)
        return figure(terms, days, revenue=revenue, correction=_correction(session, agreement, month))
    if terms.fee_model == COST_PLUS:
        first = min(each.effective_from for each in fees.approved(session, agreement.id) if each.fee_model == COST_PLUS)
        items = queries.costs(session, agreement, first, days)
    elif terms.fee_model in METERED:
        items = queries.usage(session, agreement, days)
    return figure(terms, days, items=items)


def _correction(session: Session, agreement: KnownAgreement, month: date) -> Correction | None:
    """What reached the books of the month before after its statement was approved."""
    earlier = queries.statement_of(session, agreement.id, (month - timedelta(days=1)).replace(day=1))
    if earlier is None or earlier.status != Status.APPROVED or earlier.base is None:
        return None
    terms = session.get_one(FeeTerms, earlier.terms_id)
    if terms.fee_model != PERCENT_OF_GROSS or terms.percent is None:
        return None
    revenue = queries.revenue(session, agreement, terms.base_accounts, _days(agreement, earlier.month))
    base = sum((each.amount for each in revenue), Decimal("0.00"))
    return Correction(earlier.period, terms.percent, earlier.base, base)


def approve(session: Session, context: Context, statement_id: UUID, amount: Decimal) -> FeeStatement:
    """The owner approves the fee of a month; both books get their side in one piece. Approving twice is once.

    Raises NotTheDecider, AmountDiffers, AlreadyDecided, FeeNotAllowed.
    """
    statement = lock(session, FeeStatement, statement_id)
    statement.check_amount(amount)
    if statement.status == Status.APPROVED:
        return statement
    statement.check_open()
    agreement = fees.agreement_of(session, statement.agreement_id, statement.legal_entity_id)
    statement.check_allowed()
    _check_today(session, statement, agreement)
    taken = _take(session, context, statement, "approved", f"Management fee {statement.period}: {statement.amount}")
    statement.decide(Status.APPROVED, context.principal_id, now(), taken.id)
    if statement.charged:
        owned = {"organization_id": statement.organization_id, "legal_entity_id": statement.legal_entity_id}
        charged = [{"item_id": item, "statement_id": statement.id, **owned} for item in statement.charged]
        session.execute(insert(BilledItem), charged)
    _post(session, statement, agreement)
    session.flush()
    emit(
        session,
        FeeStatementApproved(
            statement_id=statement.id,
            agreement_id=statement.agreement_id,
            legal_entity_id=statement.legal_entity_id,
            mso_id=statement.mso_id,
            period=statement.period,
            amount=statement.amount,
        ),
        statement,
    )
    return statement


def _check_today(session: Session, statement: FeeStatement, agreement: KnownAgreement) -> None:
    """Rules and evidence may have changed since the draft. Raises FeeNotAllowed."""
    terms = session.get_one(FeeTerms, statement.terms_id)
    monthly = statement.amount if terms.fee_model in METERED else None
    judgement = fees.judge_terms(session, agreement, terms, today(), monthly)
    judgement.check_allowed()


def _post(session: Session, statement: FeeStatement, agreement: KnownAgreement) -> None:
    if statement.amount == 0:
        return
    site = agreement.location_ids[0] if len(agreement.location_ids) == 1 else None
    last = _days(agreement, statement.month).last
    memo = f"{statement.number}: management fee {statement.period}"
    ours = [
        Line(chart.MANAGEMENT_FEE, debit=statement.amount, location_id=site),
        Line(chart.DUE_TO, credit=statement.amount, location_id=site),
    ]
    theirs = [
        Line(chart.DUE_FROM, debit=statement.amount, location_id=site),
        Line(chart.FEE_INCOME, credit=statement.amount, location_id=site),
    ]
    post_pair(
        session,
        Entry(statement.legal_entity_id, last, "fee_statement", statement.id, memo, ours),
        Entry(statement.mso_id, last, "fee_statement", statement.id, memo, theirs),
    )


def refuse(session: Session, context: Context, statement_id: UUID, reason: str) -> FeeStatement:
    """The owner sends a statement back; another may be drafted. Raises NotTheDecider, AlreadyDecided."""
    statement = lock(session, FeeStatement, statement_id)
    statement.check_open()
    taken = _take(session, context, statement, "refused", f"Management fee {statement.period}: {reason}")
    statement.decide(Status.REFUSED, context.principal_id, now(), taken.id)
    session.flush()
    return statement


def _take(session: Session, context: Context, statement: FeeStatement, outcome: Any, summary: str) -> Any:
    figures = {"number": statement.number, "amount": str(statement.amount), "rule_version": statement.rule_version}
    return decisions.take(
        session,
        context,
        fees.DECISION,
        outcome=outcome,
        legal_entity_id=statement.legal_entity_id,
        subject_type="fee_statement",
        subject_id=statement.id,
        summary=summary,
        proposed_by=statement.drafted_by,
        before={"status": Status.DRAFTED, **figures},
        after={"status": outcome, **figures},
    )


def record_usage(session: Session, context: Context, agreement_id: UUID, units: list[dict[str, Any]]) -> list[FeeUsage]:
    """Log counted units; a correction is a negative quantity under its own reference. Raises NotFound."""
    agreement = fees.agreement_of(session, agreement_id, context.scope.legal_entity_id)
    rows = [
        FeeUsage(
            organization_id=agreement.organization_id,
            legal_entity_id=agreement.legal_entity_id,
            agreement_id=agreement.id,
            recorded_by=context.principal_id,
            recorded_at=now(),
            **unit,
        )
        for unit in units
    ]
    session.add_all(rows)
    session.flush()
    return rows
