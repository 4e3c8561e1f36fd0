"""The SQL that posts an entry, as common table expressions: what causes an entry is written with it in one statement.

A statement with `MONTH` holds the month open before anything else. All that it writes depends on the row of `month`, so
nothing happens where the month is closed or not opened yet.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.billing.ledger import books
from services.billing.ledger.models import UnknownAccount
from services.billing.ledger.rules import Entry, Line
from shared.amounts import cents
from shared.clock import now
from shared.contracts.billing import JournalPosted
from shared.ids import new_id
from shared.numbers import TAKE_NEXT
from shared.outbox import emit
from shared.sql import Sql

MONTH = """month as (
  select starts_on from accounting_period
  where organization_id = :organization_id and legal_entity_id = :legal_entity_id and starts_on = :entry_month
    and status = 'open'
  for share
)"""


def numbered(name: str, prefix: str, source: str) -> str:
    """An expression that takes the next number of a series of the legal entity for the one row of `source`."""
    return f"""{name} as (
  insert into number_series (id, organization_id, owner_id, prefix, year, last)
  select gen_random_uuid(), :organization_id, :legal_entity_id, '{prefix}', :entry_year, 1 from {source}
  {TAKE_NEXT}
)"""


def entry_rows(source: str, number: str, memo: str = ":entry_memo") -> str:
    """Expressions that write the entry and its lines for the one row of `source`; `number` and `memo` are SQL.

    They come in one statement, so that the database can judge the entry as a whole. `entry` is empty where the source
    was posted before.
    """
    return f"""entry as (
  insert into journal_entry (id, organization_id, legal_entity_id, number, posted_on, fact_on, source_type, source_id,
    memo, total, line_count, reverses, link_id, posted_by, posted_at)
  select :entry_id, :organization_id, :legal_entity_id, {number}, :entry_posted_on, :entry_fact_on, :entry_source_type,
    :entry_source_id, {memo}, :entry_total, :entry_line_count, cast(:entry_reverses as uuid),
    cast(:entry_link_id as uuid), cast(:entry_posted_by as uuid), :entry_posted_at
  from {source}
  on conflict (organization_id, legal_entity_id, source_type, source_id) do nothing
  returning id, number
), entry_line as (
  insert into journal_line (id, organization_id, legal_entity_id, entry_id, position, posted_on, account_code,
    location_id, debit, credit)
  select l.id, :organization_id, :legal_entity_id, entry.id, l.position, :entry_posted_on, l.account_code,
    l.location_id, l.debit, l.credit
  from entry, jsonb_to_recordset(cast(:entry_lines as jsonb))
    as l(id uuid, position int, account_code text, location_id uuid, debit bigint, credit bigint)
)"""


def posted_with(cause: str, memo: str = ":entry_memo") -> str:
    """The expressions that number an entry and write it for the one row of `cause`, itself an expression before."""
    return (
        f"{numbered('entry_series', 'JE', cause)}, {entry_rows(f'entry_series, {cause}', 'entry_series.number', memo)}"
    )


@dataclass(frozen=True, slots=True)
class _Posted:
    """An entry as its event needs it."""

    id: UUID
    organization_id: UUID
    legal_entity_id: UUID


def write(session: Session, statement: Sql, entry: Entry, values: dict[str, Any]) -> Any:
    """Run a statement that begins with `MONTH` and writes `entry` and, from `values`, its cause; tell of the entry.

    The source is new, made in this very statement. Gives the statement's row, which has the `entry_number`.
    Raises PeriodClosed, UnbalancedEntry, UnknownAccount.
    """
    entry.check_balance()
    organization_id = books.organization_of(session)
    written = values | parameters(session, entry, organization_id, entry.posted_on)
    row = execute(session, statement, written)
    if row is None:
        # Refuses a closed month, opens one that nothing was posted to.
        books.hold_month(session, entry.legal_entity_id, entry.posted_on)
        row = execute(session, statement, written)
        if row is None:
            raise LookupError("a statement that posts gave no entry")
    about = _Posted(written["entry_id"], organization_id, entry.legal_entity_id)
    tell(session, entry, about, row.entry_number, entry.posted_on)
    return row


def parameters(session: Session, entry: Entry, organization_id: UUID, posted_on: date) -> dict[str, Any]:
    """What the expressions of this module ask for."""
    return {
        "organization_id": organization_id,
        "legal_entity_id": entry.legal_entity_id,
        "entry_id": new_id(),
        "entry_month": posted_on.replace(day=1),
        "entry_year": posted_on.year,
        "entry_posted_on": posted_on,
        "entry_fact_on": entry.posted_on,
        "entry_source_type": entry.source_type,
        "entry_source_id": entry.source_id,
        "entry_memo": entry.memo,
        "entry_total": cents(entry.total),
        "entry_reverses": entry.reverses,
        "entry_link_id": entry.link_id,
        "entry_posted_by": session.info["origin"].actor_id,
        "entry_posted_at": now(),
        "entry_line_count": len(entry.lines),
        "entry_lines": orjson.dumps([_line(position, line) for position, line in enumerate(entry.lines, 1)]).decode(),
    }


def _line(position: int, line: Line) -> dict[str, Any]:
    return {
        "id": new_id(),
        "position": position,
        "account_code": line.account_code,
        "location_id": line.location_id,
        "debit": cents(line.debit),
        "credit": cents(line.credit),
    }


def execute(session: Session, statement: Sql, values: dict[str, Any]) -> Any | None:
    """The row of a statement that writes an entry, if it gives one. Raises UnknownAccount."""
    try:
        return next(iter(statement.rows(session, values)), None)
    except IntegrityError as error:
        if "fk_journal_line_account" in str(error.orig):
            codes = ", ".join(sorted({line["account_code"] for line in orjson.loads(values["entry_lines"])}))
            raise UnknownAccount(f"One of the accounts {codes} is not in these books.") from error
        raise


def tell(session: Session, entry: Entry, about: Any, number: str, posted_on: date) -> None:
    """Tell that the entry is posted."""
    fact = JournalPosted(
        entry_id=about.id,
        number=number,
        legal_entity_id=entry.legal_entity_id,
        posted_on=posted_on,
        source_type=entry.source_type,
        source_id=entry.source_id,
        total=entry.total,
    )
    emit(session, fact, about)
