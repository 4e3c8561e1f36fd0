"""Record tax rules and find the ones in force."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services.billing.tax.models import TaxRule
from shared.clock import now
from shared.pagination import Page, page


def record(
    session: Session,
    organization_id: UUID,
    recorded_by: UUID,
    *,
    state: str,
    locality: str,
    item_class: str,
    effective_from: date,
    rate: Decimal,
    source: str,
) -> TaxRule:
    """Add a rule; saying the newest one again changes nothing."""
    newest = session.execute(
        select(TaxRule)
        .where(TaxRule.state == state, TaxRule.locality == locality, TaxRule.item_class == item_class)
        .where(TaxRule.effective_from == effective_from)
        .order_by(TaxRule.revision.desc())
        .limit(1)
    ).scalar()
    if newest is not None and (newest.rate, newest.source) == (rate, source):
        return newest
    rule = TaxRule(
        organization_id=organization_id,
        state=state,
        locality=locality,
        item_class=item_class,
        effective_from=effective_from,
        revision=newest.revision + 1 if newest else 1,
        rate=rate,
        source=source,
        recorded_by=recorded_by,
        recorded_at=now(),
    )
    session.add(rule)
    session.flush()
    return rule


def in_force(session: Session, state: str, locality: str | None, on: date) -> dict[str, TaxRule]:
    """The rule of each item class that has one, in a place on a day."""
    # The last one wins: a locality's after its state's, a later day after an earlier one, a correction at the end.
    ordered = (
        select(TaxRule)
        .where(TaxRule.state == state, TaxRule.locality.in_(["", locality or ""]), TaxRule.effective_from <= on)
        .order_by(TaxRule.locality, TaxRule.effective_from, TaxRule.revision)
    )
    return {rule.item_class: rule for rule in session.execute(ordered).scalars()}


def listing(session: Session, *, state: str | None, limit: int, cursor: str | None) -> Page[TaxRule]:
    """All rules that were ever recorded, newest first."""
    rules: Select[TaxRule] = select(TaxRule)
    if state:
        rules = rules.where(TaxRule.state == state)
    return page(session, rules, [TaxRule.id], limit=limit, cursor=cursor)
