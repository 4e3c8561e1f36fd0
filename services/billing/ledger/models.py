"""The rows of the books: accounts, months, journal entries with their lines, totals of closed months."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class PeriodClosed(Conflict):
    """This month of the books is closed and takes no more entries."""


class PeriodOpen(Conflict):
    """This month of the books is open."""


class UnbalancedEntry(Invalid):
    """An entry has at least two lines, and its debits equal its credits."""


class UnknownAccount(Invalid):
    """There is no such account in these books."""


class FutureEntry(Invalid):
    """The books take no entries of days to come."""


class NotReversible(Conflict):
    """A reversal is not itself reversed; post a new entry."""


class PeriodStatus(StrEnum):
    """A closed month may be reopened by a controller, with a reason."""

    OPEN = "open"
    CLOSED = "closed"


class LedgerAccount(HasId, EntityOwned, Base):
    """An account in the books of one legal entity."""

    __tablename__ = "ledger_account"
    __table_args__ = (UniqueConstraint("organization_id", "legal_entity_id", "code"),)

    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]


class AccountingPeriod(HasId, EntityOwned, Versioned, Base):
    """A month of the books of one legal entity. Who posts holds its row shared, who closes holds it alone."""

    __tablename__ = "accounting_period"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "starts_on"),
        CheckConstraint("extract(day from starts_on) = 1", name="first_of_month"),
    )

    starts_on: Mapped[date]
    status: Mapped[str] = mapped_column(default=PeriodStatus.OPEN)
    closed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    close_note: Mapped[str | None]
    reopened_by: Mapped[UUID | None]
    reopened_at: Mapped[datetime | None]
    reopen_reason: Mapped[str | None]

    @property
    def month(self) -> str:
        """`2026-11`."""
        return f"{self.starts_on:%Y-%m}"

    def close(self, by: UUID, at: datetime, note: str | None) -> None:
        """Raises PeriodClosed."""
        if self.status == PeriodStatus.CLOSED:
            raise PeriodClosed(f"{self.month} was closed before.")
        self.status, self.closed_by, self.closed_at, self.close_note = PeriodStatus.CLOSED, by, at, note

    def reopen(self, by: UUID, at: datetime, reason: str) -> None:
        """Raises PeriodOpen."""
        if self.status == PeriodStatus.OPEN:
            raise PeriodOpen(f"{self.month} is open.")
        self.status, self.reopened_by, self.reopened_at, self.reopen_reason = PeriodStatus.OPEN, by, at, reason


# An entry and all its lines come in one statement, so each statement can be judged by itself: positions 1 to line_count
# are there, both sides sum to the total, and as positions are unique no line can come later. The check is immediate and
# not deferred to the commit: by then a consumer's transaction may stand in another organization's scope, and row-level
# security would hide the very rows to be judged. (A plan made while the books were small must not read them whole once
# they are not: hence enable_seqscan, and look-ups for each entry, which cannot become a join, in an order that only the
# right index has.)
_LINES_BALANCE = """
CREATE FUNCTION ledger_lines_balance() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1
    FROM (
      SELECT organization_id, legal_entity_id, entry_id, sum(debit) AS debit, sum(credit) AS credit,
        count(*) AS lines, min(position) AS first, max(position) AS last
      FROM added GROUP BY 1, 2, 3
    ) a
    WHERE NOT coalesce((
      SELECT e.organization_id = a.organization_id AND e.legal_entity_id = a.legal_entity_id
        AND e.total = a.debit AND e.total = a.credit
        AND e.line_count = a.lines AND a.first = 1 AND e.line_count = a.last
      FROM journal_entry e WHERE e.id = a.entry_id
    ), false)
  ) THEN
    RAISE EXCEPTION 'debits and credits of a journal entry must be equal' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""
_ENTRIES_HAVE_LINES = """
CREATE FUNCTION ledger_entries_have_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added a
    WHERE (
      SELECT l.position FROM journal_line l
      WHERE l.organization_id = a.organization_id AND l.legal_entity_id = a.legal_entity_id AND l.entry_id = a.id
      ORDER BY l.position LIMIT 1
    ) IS DISTINCT FROM 1
  ) THEN
    RAISE EXCEPTION 'a journal entry comes with its lines' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""


def _after_insert(table: str, function: str) -> str:
    return (
        f"CREATE TRIGGER {function} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )


class JournalEntry(HasId, EntityOwned, Base):
    """A balanced entry, never changed. `fact_on` is the day of the fact; `posted_on` lies in the month that took it."""

    __tablename__ = "journal_entry"
    __append_only__ = True
    __guards__ = (_ENTRIES_HAVE_LINES, _after_insert("journal_entry", "ledger_entries_have_lines"))
    __table_args__ = (
        UniqueConstraint(
            "organization_id", "legal_entity_id", "source_type", "source_id", name="uq_journal_entry_source"
        ),
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        Index("ix_journal_entry_newest", "organization_id", "legal_entity_id", "posted_on", "id"),
        CheckConstraint("total > 0", name="positive"),
    )

    number: Mapped[str]
    posted_on: Mapped[date]
    fact_on: Mapped[date]
    source_type: Mapped[str]
    source_id: Mapped[UUID]
    memo: Mapped[str]
    total: Mapped[Decimal] = mapped_column(Cents())
    line_count: Mapped[int]
    reverses: Mapped[UUID | None]
    # Both sides of an inter-entity entry carry the same link.
    link_id: Mapped[UUID | None]
    posted_by: Mapped[UUID | None]
    posted_at: Mapped[datetime]
    lines: Mapped[list["JournalLine"]] = relationship(order_by="JournalLine.position", viewonly=True)

    def check_reversible(self) -> None:
        """Raises NotReversible."""
        if self.reverses is not None:
            raise NotReversible(f"{self.number} is itself a reversal.")


class JournalLine(HasId, EntityOwned, Base):
    """One side of an entry on one account; `location_id` says for which site."""

    __tablename__ = "journal_line"
    __append_only__ = True
    __guards__ = (_LINES_BALANCE, _after_insert("journal_line", "ledger_lines_balance"))
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "entry_id", "position"),
        ForeignKeyConstraint(["entry_id"], ["journal_entry.id"]),
        ForeignKeyConstraint(
            ["organization_id", "legal_entity_id", "account_code"],
            ["ledger_account.organization_id", "ledger_account.legal_entity_id", "ledger_account.code"],
            name="fk_journal_line_account",
        ),
        CheckConstraint("debit >= 0 and credit >= 0 and (debit = 0) <> (credit = 0)", name="one_side"),
        Index(
            "ix_journal_line_account",
            "organization_id",
            "legal_entity_id",
            "account_code",
            "posted_on",
            "id",
            postgresql_include=["location_id", "debit", "credit"],
        ),
    )

    entry_id: Mapped[UUID]
    position: Mapped[int]
    posted_on: Mapped[date]
    account_code: Mapped[str]
    location_id: Mapped[UUID | None]
    debit: Mapped[Decimal] = mapped_column(Cents())
    credit: Mapped[Decimal] = mapped_column(Cents())
    entry: Mapped[JournalEntry] = relationship(viewonly=True)
