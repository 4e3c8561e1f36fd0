"""What the books hold to, whoever writes to them."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from services.billing.ledger import service
from services.billing.ledger.books import hold_month, lock_month
from services.billing.ledger.models import (
    JournalEntry,
    JournalLine,
    LedgerAccount,
    NotReversible,
    PeriodClosed,
    UnbalancedEntry,
    UnknownAccount,
)
from services.billing.ledger.rules import Entry, Line
from services.billing.ledger.service import post, post_pair, reverse
from shared.clock import now
from shared.db import Database
from shared.errors import NotFound
from shared.ids import new_id
from shared.outbox import Origin, Pending
from shared.settings import Settings
from shared.tenancy import Scope
from tests.billing.franchise import NOVEMBER, Franchise, make_franchise, sale
from tests.support.databases import Cluster


@pytest.fixture
def franchise(make_settings: Callable[..., Settings]) -> Any:
    database = Database(make_settings("billing").database_url)
    yield make_franchise(database)
    database.close()


def _sell(franchise: Franchise, amount: str = "100.00", **changes: Any) -> JournalEntry:
    with franchise.transaction() as session:
        return _post(session, franchise, amount, **changes)


def _post(session: Session, franchise: Franchise, amount: str = "100.00", **changes: Any) -> JournalEntry:
    values: dict[str, Any] = {
        "legal_entity_id": franchise.ca.id,
        "posted_on": date(2026, 11, 5),
        "source_type": "invoice",
        "source_id": new_id(),
        "memo": "INV-1",
        "lines": sale(amount, franchise.ca.location_id),
    }
    return post(session, **{**values, **changes})


def _close(franchise: Franchise, legal_entity_id: Any, month: date) -> None:
    with franchise.transaction() as session:
        lock_month(session, legal_entity_id, month).close(new_id(), now(), None)


def test_an_entry_stands_in_the_books_and_is_told(franchise: Franchise) -> None:
    entry = _sell(franchise, "120.50")
    assert (entry.number, entry.total) == ("JE-2026-000001", Decimal("120.50"))
    assert franchise.books_of(franchise.ca.id) == {"1200": Decimal("120.50"), "4000": Decimal("-120.50")}
    with franchise.transaction() as session:
        lines = service.lines_of(session, entry)
        assert [(line.position, line.account_code) for line in lines] == [(1, "1200"), (2, "4000")]
        assert {line.location_id for line in lines} == {franchise.ca.location_id}
        assert [row.type for row in session.scalars(select(Pending))] == ["billing.journal_entry.posted"]


def test_the_same_source_is_posted_once(franchise: Franchise) -> None:
    source = new_id()
    first, second = _sell(franchise, source_id=source), _sell(franchise, source_id=source)
    assert first.id == second.id
    assert franchise.books_of(franchise.ca.id)["1200"] == Decimal("100.00")


def test_the_same_source_posted_by_eight_at_once_counts_once_and_leaves_no_gap(franchise: Franchise) -> None:
    source = new_id()
    with ThreadPoolExecutor(8) as pool:
        ids = {entry.id for entry in pool.map(lambda _: _sell(franchise, source_id=source), range(8))}
    assert len(ids) == 1
    assert _sell(franchise).number == "JE-2026-000002"


def test_numbers_have_no_gap_when_many_post_at_once_and_some_fail(franchise: Franchise) -> None:
    def work(turn: int) -> None:
        if turn % 5 == 0:
            with pytest.raises(UnknownAccount):
                _sell(franchise, lines=sale("1.00", account="9999"))
        else:
            _sell(franchise)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(25)))
    with franchise.transaction() as session:
        numbers = sorted(session.scalars(select(JournalEntry.number)))
    assert numbers == [f"JE-2026-{n:06d}" for n in range(1, 21)]


def test_each_legal_entity_has_its_own_numbers(franchise: Franchise) -> None:
    _sell(franchise)
    other = _sell(franchise, legal_entity_id=franchise.ny.id)
    assert other.number == "JE-2026-000001"


@pytest.mark.parametrize(
    "lines",
    [
        [Line("1200", debit=Decimal("10.00")), Line("4000", credit=Decimal("9.99"))],
        [Line("1200", debit=Decimal("10.00"))],
        [Line("1200"), Line("4000")],
    ],
)
def test_debits_equal_credits(franchise: Franchise, lines: list[Line]) -> None:
    with pytest.raises(UnbalancedEntry):
        _sell(franchise, lines=lines)


def test_the_database_itself_refuses_an_unbalanced_entry(franchise: Franchise) -> None:
    _sell(franchise)
    values = {
        "id": new_id(),
        "org": franchise.organization_id,
        "entity": franchise.ca.id,
        "source": new_id(),
        "lines": [new_id(), new_id()],
    }
    statement = text("""
        with e as (insert into journal_entry (id, organization_id, legal_entity_id, number, posted_on, fact_on,
            source_type, source_id, memo, total, line_count, posted_at)
          values (:id, :org, :entity, 'JE-X', '2026-11-05', '2026-11-05', 'x', :source, '', 1000, 2, now()))
        insert into journal_line (id, organization_id, legal_entity_id, entry_id, position, posted_on, account_code,
            debit, credit)
        select l.id, :org, :entity, :id, l.n, '2026-11-05', '4000', case l.n when 1 then 1000 else 0 end,
          case l.n when 2 then 999 else 0 end
        from unnest(cast(:lines as uuid[])) with ordinality as l(id, n)""")
    with pytest.raises(IntegrityError, match="must be equal"), franchise.transaction() as session:
        session.execute(statement, values)
    assert franchise.books_of(franchise.ca.id)["1200"] == Decimal("100.00")


def test_the_database_refuses_an_entry_without_lines_and_lines_added_later(franchise: Franchise) -> None:
    entry = _sell(franchise)
    bare = {c.key: getattr(entry, c.key) for c in JournalEntry.__table__.columns}
    bare |= {"id": new_id(), "number": "JE-X", "source_id": new_id()}
    with pytest.raises(IntegrityError, match="comes with its lines"), franchise.transaction() as session:
        session.add(JournalEntry(**bare))
    with pytest.raises(IntegrityError, match="must be equal"), franchise.transaction() as session:
        for position, (debit, credit) in enumerate([("5.00", "0"), ("0", "5.00")], start=3):
            session.add(
                JournalLine(
                    organization_id=entry.organization_id,
                    legal_entity_id=entry.legal_entity_id,
                    entry_id=entry.id,
                    position=position,
                    posted_on=entry.posted_on,
                    account_code="1000",
                    debit=Decimal(debit),
                    credit=Decimal(credit),
                )
            )


def test_a_line_cannot_join_an_entry_of_another_entity(franchise: Franchise) -> None:
    entry = _sell(franchise)
    _sell(franchise, legal_entity_id=franchise.ny.id)
    line = JournalLine(
        organization_id=entry.organization_id,
        legal_entity_id=franchise.ny.id,
        entry_id=entry.id,
        position=3,
        posted_on=entry.posted_on,
        account_code="1000",
        debit=Decimal("1.00"),
        credit=Decimal(0),
    )
    with pytest.raises(IntegrityError, match="must be equal"), franchise.transaction() as session:
        session.add(line)


@pytest.mark.parametrize("verb", ["update journal_line set debit = debit + 1", "delete from journal_entry"])
def test_what_is_posted_is_never_changed_or_deleted(franchise: Franchise, verb: str) -> None:
    _sell(franchise)
    with pytest.raises(DBAPIError) as refused, franchise.transaction() as session:
        session.execute(text(verb))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_a_reversal_undoes_an_entry_once(franchise: Franchise) -> None:
    entry = _sell(franchise)
    with franchise.transaction() as session:
        opposite = reverse(session, entry.id, date(2026, 11, 6), "posted twice by hand")
    with franchise.transaction() as session:
        again = reverse(session, entry.id, date(2026, 11, 7), "again")
    assert opposite.id == again.id
    assert franchise.books_of(franchise.ca.id) == {}
    with pytest.raises(NotReversible), franchise.transaction() as session:
        reverse(session, opposite.id, date(2026, 11, 7), "the reversal")


def test_an_account_outside_the_chart_is_refused(franchise: Franchise) -> None:
    with pytest.raises(UnknownAccount):
        _sell(franchise, lines=sale("1.00", account="4500"))  # fee income belongs to the MSO's books only


def test_an_unknown_entity_has_no_books(franchise: Franchise) -> None:
    with pytest.raises(NotFound):
        _sell(franchise, legal_entity_id=new_id())


def test_fractions_of_a_cent_are_refused(franchise: Franchise) -> None:
    with pytest.raises(UnbalancedEntry):
        _sell(franchise, "0.005")


def test_a_closed_month_takes_nothing(franchise: Franchise) -> None:
    _close(franchise, franchise.ca.id, NOVEMBER)
    with pytest.raises(PeriodClosed):
        _sell(franchise)
    assert franchise.books_of(franchise.ca.id) == {}


def test_a_late_fact_goes_into_the_next_open_month_and_keeps_its_date(franchise: Franchise) -> None:
    _close(franchise, franchise.ca.id, NOVEMBER)
    _close(franchise, franchise.ca.id, date(2026, 12, 1))
    entry = _sell(franchise, roll_forward=True)
    assert (entry.posted_on, entry.fact_on) == (date(2027, 1, 1), date(2026, 11, 5))
    assert entry.number == "JE-2027-000001"


def test_closing_waits_for_who_is_posting_and_then_takes_nothing_more(franchise: Franchise) -> None:
    """Posters and one closer at once: every entry that got in was there when the month was closed."""
    _sell(franchise)

    def sell(turn: int) -> bool:
        try:
            _sell(franchise)
        except PeriodClosed:
            return False
        return True

    def close() -> int:
        with franchise.transaction() as session:
            period = lock_month(session, franchise.ca.id, NOVEMBER)
            seen = len(session.scalars(select(JournalEntry.id)).all())
            period.close(new_id(), now(), None)
            return seen

    with ThreadPoolExecutor(6) as pool:
        early = [pool.submit(sell, turn) for turn in range(12)]
        closing = pool.submit(close)
        late = [pool.submit(sell, turn) for turn in range(12)]
        accepted = 1 + sum(each.result() for each in [*early, *late])
    assert closing.result() == accepted
    with pytest.raises(PeriodClosed):
        _sell(franchise)


def test_who_closes_waits_for_an_entry_that_is_not_committed_yet(franchise: Franchise) -> None:
    _sell(franchise)
    with ThreadPoolExecutor(1) as pool:
        with franchise.transaction() as session:
            hold_month(session, franchise.ca.id, NOVEMBER)
            closing = pool.submit(_close, franchise, franchise.ca.id, NOVEMBER)
            with pytest.raises(TimeoutError):
                closing.result(timeout=0.3)
        closing.result(timeout=5)
    with pytest.raises(PeriodClosed):
        _sell(franchise)


def _pair(franchise: Franchise, amount: str, other: str | None = None, source: Any = None) -> tuple[Entry, Entry]:
    source = source or new_id()
    due, owed = Decimal(amount), Decimal(other or amount)
    return (
        Entry(franchise.ca.id, date(2026, 11, 30), "fee", source, "fee", [Line("6500", due), Line("2500", credit=due)]),
        Entry(
            franchise.mso_id, date(2026, 11, 30), "fee", source, "fee", [Line("1500", owed), Line("4500", credit=owed)]
        ),
    )


def test_both_sides_of_an_inter_entity_entry_stand_together(franchise: Franchise) -> None:
    """The caller is in the clinical entity's scope, where the MSO's books cannot be seen."""
    with franchise.transaction(franchise.scope(franchise.ca)) as session:
        ours, theirs = post_pair(session, *_pair(franchise, "800.00"))
        assert session.scalars(select(JournalEntry.legal_entity_id)).all() == [franchise.ca.id]
    assert ours.link_id == theirs.link_id is not None
    assert franchise.books_of(franchise.ca.id) == {"6500": Decimal("800.00"), "2500": Decimal("-800.00")}
    assert franchise.books_of(franchise.mso_id) == {"1500": Decimal("800.00"), "4500": Decimal("-800.00")}


def test_unequal_sides_post_neither(franchise: Franchise) -> None:
    with pytest.raises(UnbalancedEntry), franchise.transaction() as session:
        post_pair(session, *_pair(franchise, "800.00", "799.99"))
    assert franchise.books_of(franchise.ca.id) == franchise.books_of(franchise.mso_id) == {}


def test_a_side_that_cannot_be_posted_takes_the_other_with_it(franchise: Franchise) -> None:
    ours, theirs = _pair(franchise, "800.00")
    broken = Entry(theirs.legal_entity_id, theirs.posted_on, "fee", theirs.source_id, "fee", sale("800.00"))
    with pytest.raises(UnknownAccount), franchise.transaction(franchise.scope(franchise.ca)) as session:
        post_pair(session, ours, broken)
    assert franchise.books_of(franchise.ca.id) == franchise.books_of(franchise.mso_id) == {}


def test_a_pair_is_posted_once_and_in_a_month_that_is_open_in_both_books(franchise: Franchise) -> None:
    _close(franchise, franchise.mso_id, NOVEMBER)
    source = new_id()
    for _ in range(2):
        with franchise.transaction(franchise.scope(franchise.ca)) as session:
            sides = post_pair(session, *_pair(franchise, "800.00", source=source))
        assert {side.posted_on for side in sides} == {date(2026, 12, 1)}
    assert franchise.books_of(franchise.ca.id)["6500"] == Decimal("800.00")


def test_opposite_pairs_at_once_do_not_deadlock(franchise: Franchise) -> None:
    def work(turn: int) -> None:
        ours, theirs = _pair(franchise, "1.00")
        with franchise.transaction() as session:
            post_pair(session, *((ours, theirs) if turn % 2 else (theirs, ours)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(24)))
    assert franchise.books_of(franchise.mso_id)["1500"] == Decimal("24.00")


def test_books_of_another_entity_or_organization_cannot_be_seen_or_written(franchise: Franchise) -> None:
    _sell(franchise)
    stranger = make_franchise(franchise.database)
    with stranger.transaction() as session:
        assert session.scalars(select(JournalEntry)).all() == []
        assert session.scalars(select(LedgerAccount)).all() == []
        assert session.execute(update(LedgerAccount).values(name="x")).rowcount == 0  # type: ignore[attr-defined]
    with franchise.transaction(franchise.scope(franchise.ny)) as session:
        assert session.scalars(select(JournalLine)).all() == []
    with pytest.raises(DBAPIError), franchise.transaction(franchise.scope(franchise.ny)) as session:
        hold_month(session, franchise.ca.id, NOVEMBER)


def test_the_migrated_tables_are_those_of_the_models(make_app: Callable[..., Flask]) -> None:
    assert make_app("billing").test_client().get("/readyz").status_code == 200


def test_judging_an_entry_reads_no_lines_of_others_however_young_its_plan(
    franchise: Franchise, cluster: Cluster
) -> None:
    name = franchise.database.engine.url.database
    with psycopg.connect(cluster.url(str(name), "owner"), autocommit=True) as owner:
        owner.execute("vacuum (analyze)")  # the books are empty, and every plan is made for that
    _sell(franchise)
    with franchise.database.transaction(Scope.whole(franchise.organization_id), by_key=True) as session:
        session.info["origin"] = Origin(service="billing", request_id="test")
        read = [0]
        for _ in range(3):
            for _ in range(20):
                _post(session, franchise)
            read.append(int(session.execute(_READ_SO_FAR).scalar_one()))
    rounds = [after - before for before, after in itertools.pairwise(read)]
    assert max(rounds) < 25, rounds  # one each, and one that the first look cost


_READ_SO_FAR = text(
    "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname = 'journal_line'"
)
