"""Procurement's facts in the books, as they arrive."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, text

from services.billing.ledger.books import lock_month
from services.billing.ledger.models import JournalEntry
from services.billing.ledger.rules import Entry, Line
from services.billing.ledger.service import post_pair
from services.billing.payables.handlers import accrue_receipt
from services.billing.payables.models import CostFact
from services.billing.worker import SUBSCRIBER
from shared import fence
from shared.clock import now
from shared.contracts.procurement import StockMoved, VendorBillApproved
from shared.db import Database
from shared.delivery import Delivery
from shared.ids import new_id
from shared.inbox import Parked
from shared.settings import Settings
from tests.billing.franchise import NOVEMBER, Entity, Franchise, make_franchise
from tests.billing.office import envelope_of, make_receipt
from tests.support.patience import until

ON = date(2026, 11, 5)


@pytest.fixture
def franchise(make_settings: Callable[..., Settings]) -> Iterator[Franchise]:
    database = Database(make_settings("billing").database_url)
    yield make_franchise(database)
    database.close()


def deliver(franchise: Franchise, *facts: Any, times: int = 1) -> None:
    """Bring facts through the inbox, each `times` times."""
    for fact in facts:
        body = msgspec.json.encode(envelope_of(franchise, fact))
        for _ in range(times):
            fence.apply(franchise.database, SUBSCRIBER, [Delivery.read("procurement", body)])


def make_bill(franchise: Franchise, entity: Entity, total: str, accrued: str, **changes: Any) -> VendorBillApproved:
    values: dict[str, Any] = {
        "bill_id": new_id(),
        "number": "B-77",
        "vendor_id": new_id(),
        "vendor_name": "Paper & Co",
        "legal_entity_id": entity.id,
        "location_id": entity.location_id,
        "order_id": new_id(),
        "billed_on": ON,
        "due_on": date(2026, 12, 5),
        "total": Decimal(total),
        "accrued": Decimal(accrued),
    }
    return VendorBillApproved(**{**values, **changes})


def make_move(entity: Entity, reason: str, value: str, item_class: str = "biologic") -> StockMoved:
    return StockMoved(
        move_id=new_id(),
        location_id=entity.location_id,
        legal_entity_id=entity.id,
        item_id=new_id(),
        item_class=item_class,
        reason=reason,
        quantity=Decimal(-1),
        value=Decimal(value),
        moved_at=datetime(2026, 12, 1, 3, tzinfo=UTC),
    )


def test_clinical_goods_are_stock_and_not_invoiced_yet(franchise: Franchise) -> None:
    deliver(franchise, make_receipt(franchise, franchise.ca, "600.00", ON, "biologic", franchise.ca.id))
    assert franchise.books_of(franchise.ca.id) == {"1300": Decimal("600.00"), "2100": Decimal("-600.00")}
    assert franchise.books_of(franchise.mso_id) == {}
    with franchise.transaction() as session:
        assert session.scalars(select(CostFact)).all() == []
        entry = session.scalars(select(JournalEntry)).one()
    assert entry.memo == "GR-2026-000001 of PO-2026-000001, Paper & Co"


def test_office_supplies_are_an_expense_of_the_management_company_and_a_cost_of_the_site(franchise: Franchise) -> None:
    deliver(franchise, make_receipt(franchise, franchise.ca, "45.50", ON, "business", franchise.mso_id))
    assert franchise.books_of(franchise.mso_id) == {"6100": Decimal("45.50"), "2100": Decimal("-45.50")}
    with franchise.transaction(franchise.scope(franchise.ca)) as session:
        cost = session.scalars(select(CostFact)).one()
    assert (cost.mso_id, cost.category, cost.amount) == (franchise.mso_id, "supplies", Decimal("45.50"))
    with franchise.transaction(franchise.scope(franchise.ny)) as session:
        assert session.scalars(select(CostFact)).all() == []


def test_a_fact_that_comes_three_times_counts_once(franchise: Franchise) -> None:
    fact = make_receipt(franchise, franchise.ca, "600.00", ON, "business", franchise.mso_id)
    deliver(franchise, fact, times=3)
    deliver(franchise, fact)  # the same receipt under another event id
    assert franchise.books_of(franchise.mso_id)["6100"] == Decimal("600.00")
    with franchise.transaction() as session:
        assert len(session.scalars(select(CostFact)).all()) == 1


def test_a_bill_takes_over_what_was_accrued(franchise: Franchise) -> None:
    deliver(franchise, make_receipt(franchise, franchise.ca, "600.00", ON, "biologic", franchise.ca.id))
    deliver(franchise, make_bill(franchise, franchise.ca, "600.00", "600.00"))
    assert franchise.books_of(franchise.ca.id) == {"1300": Decimal("600.00"), "2000": Decimal("-600.00")}


@pytest.mark.parametrize(("total", "variance"), [("612.34", "12.34"), ("590.00", "-10.00")])
def test_a_price_difference_is_variance(franchise: Franchise, total: str, variance: str) -> None:
    deliver(franchise, make_bill(franchise, franchise.ca, total, "600.00"))
    books = franchise.books_of(franchise.ca.id)
    assert books == {"2100": Decimal("600.00"), "5900": Decimal(variance), "2000": -Decimal(total)}


def test_a_variance_of_the_management_company_joins_the_cost_of_the_site(franchise: Franchise) -> None:
    deliver(franchise, make_bill(franchise, franchise.ca, "47.00", "45.50", legal_entity_id=franchise.mso_id))
    with franchise.transaction() as session:
        cost = session.scalars(select(CostFact)).one()
    assert (cost.category, cost.amount, cost.document) == ("purchase_price_variance", Decimal("1.50"), "Bill B-77")


@pytest.mark.parametrize(
    ("reason", "value", "account"),
    [("usage", "-40.00", "5000"), ("waste", "-40.00", "5100"), ("count", "15.00", "5200")],
)
def test_stock_that_leaves_or_turns_up_moves_its_value(
    franchise: Franchise, reason: str, value: str, account: str
) -> None:
    deliver(franchise, make_move(franchise.ca, reason, value))
    assert franchise.books_of(franchise.ca.id) == {"1300": Decimal(value), account: -Decimal(value)}
    with franchise.transaction() as session:
        # Three in the morning of 1 December in London is still November at the site.
        assert session.scalars(select(JournalEntry.posted_on)).one() == date(2026, 11, 30)


def test_what_was_expensed_when_it_came_is_not_expensed_again(franchise: Franchise) -> None:
    deliver(franchise, make_move(franchise.ca, "usage", "-40.00", "business"), make_move(franchise.ca, "count", "0.00"))
    assert franchise.books_of(franchise.ca.id) == {}


def test_goods_of_two_entities_and_a_fee_between_them_are_booked_together(franchise: Franchise) -> None:
    ours, theirs = (make_receipt(franchise, franchise.ca, "9.00", ON, "biologic", each) for each in _both(franchise))
    with ThreadPoolExecutor(1) as pool:
        with franchise.transaction() as session:
            accrue_receipt(session, envelope_of(franchise, theirs), theirs)
            fee = pool.submit(_post_fee, franchise)
            _until_somebody_waits(franchise)
            accrue_receipt(session, envelope_of(franchise, ours), ours)
        mine, yours = fee.result(timeout=30)
    assert mine.link_id == yours.link_id and len(franchise.books_of(franchise.mso_id)) == 4


def _both(franchise: Franchise) -> list[UUID]:
    """The two entities of a fee, in the order in which its sides are booked."""
    return sorted((franchise.mso_id, franchise.ca.id))


def _post_fee(franchise: Franchise) -> tuple[JournalEntry, JournalEntry]:
    ours = [Line("6500", debit=Decimal("5.00")), Line("2500", credit=Decimal("5.00"))]
    theirs = [Line("1500", debit=Decimal("5.00")), Line("4500", credit=Decimal("5.00"))]
    source = new_id()
    with franchise.transaction() as session:
        return post_pair(
            session,
            Entry(franchise.ca.id, ON, "fee_statement", source, "Fee", ours),
            Entry(franchise.mso_id, ON, "fee_statement", source, "Fee", theirs),
        )


def _until_somebody_waits(franchise: Franchise) -> None:
    """Until a transaction waits for another's lock."""
    here = "select pid from pg_stat_activity where datname = current_database()"
    waiting = text(f"select 1 from pg_locks where not granted and pid in ({here})")

    def somebody_waits() -> bool:
        with franchise.transaction() as session:
            return session.execute(waiting).first() is not None

    assert until(somebody_waits, 30, pause=0.02), "nobody waits"


def test_a_fact_of_a_closed_month_goes_into_the_next_and_keeps_its_date(franchise: Franchise) -> None:
    with franchise.transaction() as session:
        lock_month(session, franchise.ca.id, NOVEMBER).close(new_id(), now(), None)
    deliver(franchise, make_receipt(franchise, franchise.ca, "600.00", ON, "biologic", franchise.ca.id))
    with franchise.transaction() as session:
        entry = session.scalars(select(JournalEntry)).one()
    assert (entry.posted_on, entry.fact_on) == (date(2026, 12, 1), ON)


def test_a_receipt_of_an_entity_that_is_not_known_yet_waits(franchise: Franchise) -> None:
    deliver(franchise, make_receipt(franchise, franchise.ca, "600.00", ON, "biologic", new_id()))
    with franchise.transaction() as session:
        assert session.scalars(select(JournalEntry)).all() == []
        assert [parked.type for parked in session.scalars(select(Parked))] == ["procurement.receipt.posted"]
