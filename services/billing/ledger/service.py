"""Posting to the books: an entry and its lines in one statement, once per source, never into a closed month."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.billing.ledger import books, posting
from services.billing.ledger.models import FutureEntry, JournalEntry, JournalLine, UnbalancedEntry
from services.billing.ledger.rules import Entry, Line
from shared.clock import today
from shared.db import Busy, get, rescoped
from shared.ids import new_id
from shared.sql import Sql
from shared.tenancy import Scope


def post(
    session: Session,
    *,
    legal_entity_id: UUID,
    posted_on: date,
    source_type: str,
    source_id: UUID,
    memo: str,
    lines: Sequence[Line],
    roll_forward: bool = False,
) -> JournalEntry:
    """Post a balanced entry to the books of one legal entity; a source that was posted before gives its first entry.

    With `roll_forward` a fact of a closed month goes into the next open one and keeps its date as `fact_on`.
    Raises PeriodClosed, UnbalancedEntry, UnknownAccount.
    """
    entry = Entry(legal_entity_id, posted_on, source_type, source_id, memo, lines)
    return record(session, entry, roll_forward=roll_forward)


def record(session: Session, entry: Entry, *, roll_forward: bool = False) -> JournalEntry:
    """`post`, for an entry that is put together already."""
    entry.check_balance()
    known = _posted(session, entry)
    if known is not None:
        return known
    month = books.hold_month(session, entry.legal_entity_id, entry.posted_on, roll_forward=roll_forward)
    return _write(session, entry, max(entry.posted_on, month))


def post_pair(session: Session, one: Entry, other: Entry) -> tuple[JournalEntry, JournalEntry]:
    """Post the two sides of an inter-entity entry together: equal totals, one link, one month that is open in both.

    The caller sees one of the two entities only, so the scope is widened to exactly these two for the posting.
    Raises UnbalancedEntry, UnknownAccount.
    """
    one.check_balance()
    other.check_balance()
    if one.total != other.total:
        raise UnbalancedEntry(f"One side is {one.total}, the other {other.total}.")
    entities = (one.legal_entity_id, other.legal_entity_id)
    with rescoped(session, Scope(books.organization_of(session), "network", locations=(), entities=entities)):
        known = _posted(session, one), _posted(session, other)
        if known[0] is not None and known[1] is not None:
            return known[0], known[1]
        books.several_books(session)
        month = _common_month(session, entities, one.posted_on)
        link = new_id()
        # Always in the same order of entities: two pairs at once must not wait for each other's numbers.
        sides = {
            side.legal_entity_id: _write(session, replace(side, link_id=link), max(side.posted_on, month))
            for side in sorted((one, other), key=lambda side: side.legal_entity_id)
        }
    return sides[one.legal_entity_id], sides[other.legal_entity_id]


def post_by_hand(
    session: Session, legal_entity_id: UUID, posted_on: date, memo: str, lines: list[Line]
) -> JournalEntry:
    """Post an entry that no other part of the platform causes. Raises FutureEntry and whatever `post` raises."""
    _check_day(posted_on)
    return post(
        session,
        legal_entity_id=legal_entity_id,
        posted_on=posted_on,
        source_type="manual",
        source_id=new_id(),
        memo=memo,
        lines=lines,
    )


def _check_day(posted_on: date) -> None:
    # The entity's own day may be ahead of UTC's.
    if posted_on > today() + timedelta(days=1):
        raise FutureEntry(f"{posted_on} is still to come.")


def reverse(session: Session, entry_id: UUID, posted_on: date, memo: str) -> JournalEntry:
    """Post the opposite of an entry; a second reversal of the same entry gives the first.

    Raises NotReversible, FutureEntry, PeriodClosed.
    """
    _check_day(posted_on)
    entry = get(session, JournalEntry, entry_id)
    entry.check_reversible()
    opposite = [Line(line.account_code, line.credit, line.debit, line.location_id) for line in lines_of(session, entry)]
    undo = Entry(entry.legal_entity_id, posted_on, "reversal", entry.id, memo, opposite, reverses=entry.id)
    return record(session, undo)


def lines_of(session: Session, entry: JournalEntry) -> list[JournalLine]:
    """The lines of an entry in their order."""
    query = select(JournalLine).where(
        JournalLine.organization_id == entry.organization_id,
        JournalLine.legal_entity_id == entry.legal_entity_id,
        JournalLine.entry_id == entry.id,
    )
    return list(session.scalars(query.order_by(JournalLine.position)))


def _posted(session: Session, entry: Entry) -> JournalEntry | None:
    query = select(JournalEntry).where(
        JournalEntry.organization_id == books.organization_of(session),
        JournalEntry.legal_entity_id == entry.legal_entity_id,
        JournalEntry.source_type == entry.source_type,
        JournalEntry.source_id == entry.source_id,
    )
    return session.scalars(query).first()


def _common_month(session: Session, entities: tuple[UUID, ...], on: date) -> date:
    """The first month from `on` that is open in all books; each is held open."""
    month = on.replace(day=1)
    while True:
        held = [books.hold_month(session, each, month, roll_forward=True) for each in sorted(entities)]
        if max(held) == month:
            return month
        month = max(held)


_POST = Sql(f"with once as (select 1), {posting.posted_with('once')} select id, number as entry_number from entry")


def _write(session: Session, entry: Entry, posted_on: date) -> JournalEntry:
    values = posting.parameters(session, entry, books.organization_of(session), posted_on)
    written = posting.execute(session, _POST, values)
    if written is None:
        # Somebody posted this source since we looked. Their transaction held the number before us, so it is committed
        # and the next number is ours to give back.
        books.give_back(session, entry.legal_entity_id, posted_on.year)
        first = _posted(session, entry)
        if first is None:
            raise Busy("The same source is being posted at this moment.")
        return first
    row = _row(entry, values, written.entry_number)
    posting.tell(session, entry, row, row.number, row.posted_on)
    return row


def _row(entry: Entry, values: dict[str, Any], number: str) -> JournalEntry:
    """The entry as it was written: reading it back would cost as much as writing it."""
    same = ("source_type", "source_id", "memo", "reverses", "link_id", "posted_on", "fact_on", "posted_by", "posted_at")
    return JournalEntry(
        id=values["entry_id"],
        organization_id=values["organization_id"],
        legal_entity_id=entry.legal_entity_id,
        number=number,
        total=entry.total,
        line_count=len(entry.lines),
        **{name: values[f"entry_{name}"] for name in same},
    )
