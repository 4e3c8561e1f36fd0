"""Reading the books: the journal, the accounts, and what moved on one of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload

from services.billing.ledger.books import open_month, organization_of
from services.billing.ledger.models import JournalEntry, JournalLine, LedgerAccount
from shared.clock import today
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.money import Cents
from shared.pagination import Page, page

_ZERO = Decimal("0.00")


class AccountExists(Conflict):
    """There is an account with this code in these books."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What moved on one account: the balance before the first line (debits less credits), and a page of lines."""

    account: LedgerAccount
    opening: Decimal
    items: list[JournalLine]
    next: str | None


def accounts(session: Session, legal_entity_id: UUID) -> list[LedgerAccount]:
    """The chart of accounts, by code; books that were never used open with the default one."""
    query = select(LedgerAccount).where(LedgerAccount.legal_entity_id == legal_entity_id).order_by(LedgerAccount.code)
    found = list(session.scalars(query))
    if not found:
        open_month(session, legal_entity_id, today().replace(day=1))
        found = list(session.scalars(query))
    return found


def add_account(session: Session, legal_entity_id: UUID, *, code: str, name: str, kind: str) -> LedgerAccount:
    """Add an account to the books. Raises AccountExists."""
    accounts(session, legal_entity_id)
    values = {"id": new_id(), "organization_id": organization_of(session), "legal_entity_id": legal_entity_id}
    claim = insert(LedgerAccount).values(**values, code=code, name=name, kind=kind).on_conflict_do_nothing()
    row = session.scalars(claim.returning(LedgerAccount)).first()
    if row is None:
        raise AccountExists(f"{code} is taken.")
    return row


def journal(
    session: Session,
    *,
    limit: int,
    cursor: str | None,
    posted_from: date | None = None,
    posted_to: date | None = None,
    source_type: str | None = None,
    source_id: UUID | None = None,
    link_id: UUID | None = None,
) -> Page[JournalEntry]:
    """The newest entries first, with their lines."""
    query = select(JournalEntry).options(selectinload(JournalEntry.lines))
    equal = {"source_type": source_type, "source_id": source_id, "link_id": link_id}
    query = query.filter_by(**{name: value for name, value in equal.items() if value is not None})
    if posted_from:
        query = query.where(JournalEntry.posted_on >= posted_from)
    if posted_to:
        query = query.where(JournalEntry.posted_on <= posted_to)
    return page(session, query, [JournalEntry.posted_on, JournalEntry.id], limit=limit, cursor=cursor)


def statement(
    session: Session,
    legal_entity_id: UUID,
    code: str,
    *,
    limit: int,
    cursor: str | None,
    posted_from: date,
    posted_to: date,
) -> Statement:
    """What moved on an account between two days, oldest first, each line with its entry and so its source.

    Raises NotFound.
    """
    account = session.scalars(
        select(LedgerAccount).where(LedgerAccount.legal_entity_id == legal_entity_id, LedgerAccount.code == code)
    ).first()
    if account is None:
        raise NotFound("No such account.")
    of_account = _lines(legal_entity_id, code)
    before = select(func.sum(JournalLine.debit - JournalLine.credit, type_=Cents())).where(
        *of_account, JournalLine.posted_on < posted_from
    )
    query = (
        select(JournalLine)
        .where(*of_account, JournalLine.posted_on.between(posted_from, posted_to))
        .options(joinedload(JournalLine.entry))
    )
    lines: Page[JournalLine] = page(
        session, query, [JournalLine.posted_on, JournalLine.id], limit=limit, cursor=cursor, descending=False
    )
    return Statement(account, session.scalar(before) or _ZERO, lines.items, lines.next)


def _lines(legal_entity_id: UUID, code: str) -> tuple[Any, ...]:
    return JournalLine.legal_entity_id == legal_entity_id, JournalLine.account_code == code
