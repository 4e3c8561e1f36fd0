"""Drift flags of a statement: what a reviewer should look at. They stop nothing; words and limits are the dataset's."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.fee_statements import queries
from services.billing.fee_statements.models import FeeStatement
from services.billing.fee_statements.rules import Span, disguised_percentage, share_of_profit, span
from services.billing.fees import service as fees
from services.billing.fees.judgement import Check, Outcome
from services.billing.fees.models import FeeTerms
from services.billing.fees.rules import FLAT
from shared import rules
from shared.clock import today
from shared.directory import KnownAgreement

_MONTHS = 12


def flags(
    session: Session, agreement: KnownAgreement, terms: FeeTerms, statement: FeeStatement, days: Span
) -> list[Check]:
    """The flags of a statement whose amount is figured."""
    found = [
        _profit_share(session, agreement.legal_entity_id, statement.amount, days),
        _unfinished(session, days),
    ]
    if terms.fee_model == FLAT:
        found += [_follows_revenue(session, agreement, statement, days), _reset_often(session, agreement, days)]
    return [flag for flag in found if flag]


def _profit_share(session: Session, legal_entity_id: UUID, fee: Decimal, days: Span) -> Check | None:
    revenue, profit = queries.profit_before_fee(session, legal_entity_id, days)
    limit = rules.require(session, "check", "chk.effective_rate", today()).body["thresholds"]["share_of_profit"]
    share = share_of_profit(fee, profit)
    if fee == 0 or share <= Decimal(str(limit)):
        return None
    why = f"The fee of {fee} stands against revenue of {revenue} and a profit before it of {profit} in the month."
    return _flag(session, "chk.effective_rate", why)


def _unfinished(session: Session, days: Span) -> Check | None:
    if days.last < today():
        return None
    return _flag(session, "chk.services_delivered", f"The month runs to {days.last}; not all is delivered.")


def _follows_revenue(session: Session, agreement: KnownAgreement, statement: FeeStatement, days: Span) -> Check | None:
    fees_paid, revenues = [statement.amount], [queries.profit_before_fee(session, agreement.legal_entity_id, days)[0]]
    for earlier in queries.approved_before(session, agreement.id, statement.month, _MONTHS - 1):
        its_days = span(earlier.month, agreement.starts_on, agreement.ends_on)
        if its_days:
            fees_paid.append(earlier.amount)
            revenues.append(queries.profit_before_fee(session, agreement.legal_entity_id, its_days)[0])
    fit = disguised_percentage(fees_paid, revenues)
    if fit is None:
        return None
    why = f"The flat fee followed revenue over {len(fees_paid)} months (R-squared {fit:.2f})."
    return _flag(session, "chk.disguised_percentage", why)


def _reset_often(session: Session, agreement: KnownAgreement, days: Span) -> Check | None:
    until = days.last.replace(day=1)
    since = date(until.year - 1, until.month, 1)
    # The first terms set the fee; only those after them reset it.
    resets = queries.flat_changes(fees.approved(session, agreement.id)[1:], since, until)
    if resets <= 1:
        return None
    return _flag(session, "chk.disguised_percentage", f"The flat fee was reset {resets} times within twelve months.")


def _flag(session: Session, key: str, why: str) -> Check:
    entry = rules.require(session, "check", key, today())
    severity = str(entry.body["severity"])
    return Check(key, str(entry.body["title"]), severity, Outcome.ALLOWED, why, key, [], entry.dataset_version)
