"""Opening books and holding their months: a month's row exists only once its entity has a chart of accounts."""

from datetime import date
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.ledger.chart import chart_for
from services.billing.ledger.models import AccountingPeriod, LedgerAccount, PeriodClosed, PeriodStatus
from shared import directory
from shared.db import lock
from shared.ids import new_id
from shared.numbers import NumberSeries


def organization_of(session: Session) -> UUID:
    """The organization the transaction works in."""
    return UUID(session.info["settings"]["app.organization"])


def next_month(month: date) -> date:
    """The first day of the month after the one of `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def several_books(session: Session) -> None:
    """Ask for the turn of those who post to more than one set of books of the organization in one transaction, until
    it ends: each holds the numbers of one while it waits for those of another, in an order that facts decide."""
    key = cast(literal(f"several books {organization_of(session)}"), Text)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def hold_month(session: Session, legal_entity_id: UUID, on: date, *, roll_forward: bool = False) -> date:
    """Hold the month of `on` open until the transaction ends, and give its first day.

    With `roll_forward` a closed month gives the next open one. Raises PeriodClosed.
    """
    month = on.replace(day=1)
    while True:
        status = session.scalar(_held(session, legal_entity_id, month))
        if status is None:
            open_month(session, legal_entity_id, month)
        elif status == PeriodStatus.OPEN:
            return month
        elif roll_forward:
            month = next_month(month)
        else:
            raise PeriodClosed(f"{month:%Y-%m} is closed.", month=f"{month:%Y-%m}")


def _held(session: Session, legal_entity_id: UUID, month: date) -> Select[str]:
    query = select(AccountingPeriod.status).where(
        AccountingPeriod.organization_id == organization_of(session),
        AccountingPeriod.legal_entity_id == legal_entity_id,
        AccountingPeriod.starts_on == month,
    )
    return query.with_for_update(read=True)


def open_month(session: Session, legal_entity_id: UUID, month: date) -> None:
    """Make sure that the month exists, and with the first one the chart of accounts. Raises NotFound."""
    entity = directory.entity(session, legal_entity_id)
    owned = {"organization_id": entity.organization_id, "legal_entity_id": legal_entity_id}
    accounts = [
        {"id": new_id(), "code": line.code, "name": line.name, "kind": line.kind, **owned}
        for line in chart_for(entity.kind)
    ]
    session.execute(insert(LedgerAccount).values(accounts).on_conflict_do_nothing())
    period = {"id": new_id(), "starts_on": month, "status": PeriodStatus.OPEN, "version": 1, **owned}
    session.execute(insert(AccountingPeriod).values(period).on_conflict_do_nothing())


def lock_month(session: Session, legal_entity_id: UUID, month: date) -> AccountingPeriod:
    """The month's row, alone: whoever posts to it is done, whoever wants to waits. Raises NotFound."""
    open_month(session, legal_entity_id, month)
    query = select(AccountingPeriod.id).where(
        AccountingPeriod.organization_id == organization_of(session),
        AccountingPeriod.legal_entity_id == legal_entity_id,
        AccountingPeriod.starts_on == month,
    )
    return lock(session, AccountingPeriod, session.scalars(query).one())


def give_back(session: Session, legal_entity_id: UUID, year: int) -> None:
    """Undo the entry number this transaction just took; its row is still locked, so nobody took a later one."""
    session.execute(
        update(NumberSeries)
        .where(
            NumberSeries.organization_id == organization_of(session),
            NumberSeries.owner_id == legal_entity_id,
            NumberSeries.prefix == "JE",
            NumberSeries.year == year,
        )
        .values(last=NumberSeries.last - 1)
    )
