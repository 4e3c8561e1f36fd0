"""Trial balance and profit and loss: closed months from their stored totals, open ones from their lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from services.billing.ledger.books import next_month, organization_of
from services.billing.ledger.chart import AccountKind
from services.billing.ledger.queries import accounts
from services.billing.reports.models import PeriodTotal
from shared.ids import new_id
from shared.money import CENT

_ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Total:
    """Debits and credits of one account for one site."""

    code: str
    location_id: UUID | None
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """A line of the trial balance; `balance` is debits less credits."""

    code: str
    name: str
    kind: str
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        return self.debit - self.credit


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account that moved up to a day. Debits equal credits."""

    as_of: date
    items: list[Balance]
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """An account's result at one site: revenue is positive, expense negative."""

    code: str
    name: str
    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class SiteResult:
    """Profit and loss of one site; `location_id` None is what belongs to no single site."""

    location_id: UUID | None
    items: list[Result]
    revenue: Decimal
    expense: Decimal

    @property
    def profit(self) -> Decimal:
        return self.revenue + self.expense


# A month is either closed and stands in period_total, or it is added up; never both.
_TOTALS = text("""
with parts as (
  select t.account_code, t.location_id, t.debit, t.credit
  from period_total t
  where t.organization_id = :organization and t.legal_entity_id = :entity
    and t.starts_on >= :first_month and t.starts_on < :after_months
  union all
  select l.account_code, l.location_id, l.debit, l.credit
  from accounting_period p
  join ledger_account a on a.organization_id = p.organization_id and a.legal_entity_id = p.legal_entity_id
  join journal_line l on l.organization_id = a.organization_id and l.legal_entity_id = a.legal_entity_id
    and l.account_code = a.code
    and l.posted_on between greatest(p.starts_on, :first)
      and least((p.starts_on + interval '1 month' - interval '1 day')::date, :last)
  where p.organization_id = :organization and p.legal_entity_id = :entity
    and p.starts_on between date_trunc('month', cast(:first as date)) and :last
    and not (p.status = 'closed' and p.starts_on >= :first_month and p.starts_on < :after_months)
)
select account_code, location_id, sum(debit), sum(credit) from parts group by 1, 2 order by 1, 2
""")


def totals(session: Session, legal_entity_id: UUID, first: date, last: date) -> list[Total]:
    """Debits and credits by account and site between two days, exact."""
    whole = last + timedelta(days=1)
    values = {
        "organization": organization_of(session),
        "entity": legal_entity_id,
        "first": first,
        "last": last,
        # Only months that lie in the span as a whole may come from their stored totals.
        "first_month": first if first.day == 1 else next_month(first),
        "after_months": whole.replace(day=1),
    }
    return [
        Total(code, location_id, _money(debit), _money(credit))
        for code, location_id, debit, credit in session.execute(_TOTALS, values)
    ]


def trial_balance(session: Session, legal_entity_id: UUID, as_of: date) -> TrialBalance:
    """The balance of every account at the end of a day."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for total in totals(session, legal_entity_id, date(2000, 1, 1), as_of):
        debit, credit = sums.get(total.code, (_ZERO, _ZERO))
        sums[total.code] = debit + total.debit, credit + total.credit
    items = [
        Balance(account.code, account.name, account.kind, *sums[account.code])
        for account in accounts(session, legal_entity_id)
        if account.code in sums
    ]
    return TrialBalance(as_of, items, sum((i.debit for i in items), _ZERO), sum((i.credit for i in items), _ZERO))


def profit_and_loss(session: Session, legal_entity_id: UUID, first: date, last: date) -> list[SiteResult]:
    """Revenue and expense by site between two days, the sites in the order of their ids, what has no site last."""
    kinds = {account.code: account for account in accounts(session, legal_entity_id)}
    by_site: dict[UUID | None, list[Result]] = {}
    for total in totals(session, legal_entity_id, first, last):
        account = kinds[total.code]
        if account.kind in (AccountKind.REVENUE, AccountKind.EXPENSE):
            amount = total.credit - total.debit
            by_site.setdefault(total.location_id, []).append(Result(account.code, account.name, account.kind, amount))
    return [
        _site(location_id, by_site[location_id]) for location_id in sorted(by_site, key=lambda i: (i is None, str(i)))
    ]


def _site(location_id: UUID | None, items: list[Result]) -> SiteResult:
    def total(kind: AccountKind) -> Decimal:
        return sum((item.amount for item in items if item.kind == kind), _ZERO)

    return SiteResult(location_id, items, total(AccountKind.REVENUE), total(AccountKind.EXPENSE))


def freeze(session: Session, legal_entity_id: UUID, month: date) -> list[Total]:
    """Store the totals of a month that is being closed; its row is held, so nothing can be added meanwhile."""
    found = totals(session, legal_entity_id, month, next_month(month) - timedelta(days=1))
    session.add_all(_stored(session, legal_entity_id, month, found))
    session.flush()
    return found


def _stored(session: Session, legal_entity_id: UUID, month: date, found: Iterable[Total]) -> list[PeriodTotal]:
    organization_id = organization_of(session)
    return [
        PeriodTotal(
            id=new_id(),
            organization_id=organization_id,
            legal_entity_id=legal_entity_id,
            starts_on=month,
            account_code=total.code,
            location_id=total.location_id,
            debit=total.debit,
            credit=total.credit,
        )
        for total in found
    ]


def thaw(session: Session, legal_entity_id: UUID, month: date) -> None:
    """Forget the stored totals of a month that is reopened."""
    session.execute(
        delete(PeriodTotal).where(PeriodTotal.legal_entity_id == legal_entity_id, PeriodTotal.starts_on == month)
    )


def _money(cents_: Any) -> Decimal:
    """Whole cents, as raw SQL gives them."""
    return (Decimal(cents_) * CENT).quantize(CENT)
