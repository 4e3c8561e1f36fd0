"""Invoices, payments and files of charges are written in a few statements, all or nothing, whoever else is at work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from services.billing.invoices.models import Invoice, InvoiceLine
from services.billing.ledger.books import lock_month
from services.billing.ledger.models import JournalEntry
from shared.clock import now, today
from shared.directory import KnownEntity
from shared.ids import new_id
from shared.numbers import NumberSeries
from tests.billing.clinic import Clinic, charge
from tests.support.patience import until

_SOMEBODY_WAITS_FOR_US = text(
    "select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))"
)
_OF_EVERY_WRITE = ("set_config(", "idempotency_key", "into pending")
_PATIENCE = 60.0


@contextmanager
def _statements(clinic: Clinic) -> Iterator[list[str]]:
    """What billing itself sends to the database meanwhile, as its driver hears it."""
    engine, seen = clinic.app.extensions["partywall"].database.engine, list[str]()

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *values: Any, **options: Any) -> Self:
            if not any(words in query for words in _OF_EVERY_WRITE):
                seen.append(query)
            return super().execute(query, *values, **options)

    def lend(connection: psycopg.Connection, *_: object) -> None:
        connection.cursor_factory = Noting

    def take_back(connection: psycopg.Connection, *_: object) -> None:
        connection.cursor_factory = psycopg.Cursor

    event.listen(engine, "checkout", lend)
    event.listen(engine, "checkin", take_back)
    try:
        yield seen
    finally:
        event.remove(engine, "checkout", lend)
        event.remove(engine, "checkin", take_back)


def test_an_invoice_and_a_payment_take_two_statements_each(clinic: Clinic) -> None:
    clinic.invoice(charge("first"))  # it opens the month
    account = clinic.account(charge("a"), charge("b", item_class="retail"), charge("c"))
    with _statements(clinic) as issuing:
        invoice = clinic.issue(account).json
    share = [{"invoice_id": invoice["id"], "amount": invoice["total"]}]
    with _statements(clinic) as paying:
        assert clinic.pay(invoice, invoice["total"], allocations=share).status_code == 201
    assert (len(issuing), len(paying)) == (2, 2), [*issuing, *paying]


def test_a_file_takes_as_many_statements_of_the_same_size_however_many_rows_it_has(clinic: Clinic) -> None:
    clinic.account()
    sizes = []
    for rows in (2, 200):
        with _statements(clinic) as seen:
            assert clinic.send(*(charge(f"{rows}-{i}") for i in range(rows))).json["accepted"] == rows
        sizes.append((len(seen), max(map(len, seen))))
    assert sizes[0] == sizes[1]


def test_codes_of_a_charge_come_back_as_they_were_sent(clinic: Clinic) -> None:
    clinic.send(
        charge("a", modifiers=["25", "59"], diagnosis_codes=["L70.0"]),
        charge("b"),
        charge("c", diagnosis_codes=["A01"]),
    )
    listed = clinic.as_("biller").get("/charges?purpose=payment").json["items"]
    assert {each["source_id"]: (each["modifiers"], each["diagnosis_codes"]) for each in listed} == {
        "a": (["25", "59"], ["L70.0"]),
        "b": ([], []),
        "c": ([], ["A01"]),
    }


def test_the_lines_of_an_invoice_are_its_charges_in_the_order_of_their_days(clinic: Clinic) -> None:
    day = today("America/Los_Angeles")
    sent = [
        charge("late", "10.00"),
        charge("early", "1.2345", quantity="3", service_on=str(day.replace(year=day.year - 1)), item_class="retail"),
    ]
    invoice = clinic.invoice(*sent)
    with clinic.franchise.transaction() as session:
        lines = session.scalars(select(InvoiceLine).order_by(InvoiceLine.position)).all()
    assert [(line.position, line.item_class, line.unit_price, line.amount, line.tax) for line in lines] == [
        (1, "retail", Decimal("1.2345"), Decimal("3.70"), Decimal("0.35")),
        (2, "professional_service", Decimal("10.0000"), Decimal("10.00"), Decimal("0.00")),
    ]
    assert invoice["total"] == "14.05"


def test_what_comes_to_nothing_has_a_number_and_is_not_booked(clinic: Clinic) -> None:
    free = clinic.invoice(charge("gift", "0.00"))
    assert (free["number"], free["total"], free["open"]) == ("INV-2026-000001", "0.00", "0.00")
    assert clinic.as_("biller").get("/unbilled").json["items"] == []
    assert clinic.books() == {}
    assert [fact["data"]["number"] for fact in clinic.told("billing.invoice.issued")] == [free["number"]]
    assert clinic.invoice(charge("next"))["number"] == "INV-2026-000002"


def test_numbers_go_on_after_the_millionth(clinic: Clinic) -> None:
    clinic.invoice(charge("a"))
    with clinic.franchise.transaction() as session:
        session.execute(update(NumberSeries).values(last=999_999))
    assert clinic.invoice(charge("b"))["number"] == "INV-2026-1000000"
    with clinic.franchise.transaction() as session:
        entry = session.scalars(select(JournalEntry).order_by(JournalEntry.id.desc())).first()
    assert entry is not None
    assert (entry.number, entry.memo) == ("JE-2026-1000000", "Invoice INV-2026-1000000")


def test_a_payment_is_refused_whole_where_the_month_is_closed(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    with clinic.franchise.transaction() as session:
        _close(session, clinic.entity)
    refused = clinic.pay(invoice, "100.00")
    assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#period-closed")
    assert clinic.open_of(invoice) == "100.00"
    assert clinic.as_("biller").get("/payments").json["items"] == []


@pytest.mark.parametrize("what", ["an invoice", "a payment"])
def test_who_waited_for_the_closing_of_the_month_finds_it_closed_and_takes_no_number(clinic: Clinic, what: str) -> None:
    invoice = clinic.invoice(charge("a"))
    account = clinic.account(charge("b"))
    with ThreadPoolExecutor(1) as pool:
        with clinic.franchise.transaction() as session:
            _close(session, clinic.entity)
            session.flush()
            send = clinic.issue if what == "an invoice" else lambda _: clinic.pay(invoice, "100.00")
            answer = pool.submit(send, account)
            _until_somebody_waits(session)
        refused = answer.result(_PATIENCE)
    assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#period-closed")
    with clinic.franchise.transaction() as session:
        last = dict(session.execute(select(NumberSeries.prefix, NumberSeries.last)).all())
        assert (last["INV"], last["JE"]) == (1, 1)
        assert session.scalars(select(Invoice.open)).all() == [Decimal("100.00")]


def test_books_without_the_accounts_of_patients_take_no_invoice(clinic: Clinic) -> None:
    with clinic.franchise.transaction() as session:
        session.execute(update(KnownEntity).where(KnownEntity.id == clinic.entity).values(kind="franchisee"))
    refused = clinic.issue(clinic.account())
    assert (refused.status_code, refused.json["type"]) == (422, "/docs/problems#unknown-account")
    assert clinic.as_("biller").get("/invoices").json["items"] == []
    assert clinic.as_("biller").get("/unbilled").json["items"][0]["charges"] == 1


def test_an_entry_says_who_caused_it_and_its_event_names_its_number(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    clinic.pay(invoice, "130.00")
    told = [fact["data"] for fact in clinic.told("billing.journal_entry.posted")]
    with clinic.franchise.transaction() as session:
        entries = session.scalars(select(JournalEntry).order_by(JournalEntry.id)).all()
        assert [(e.source_type, e.total, e.line_count, len(e.lines)) for e in entries] == [
            ("invoice", Decimal("100.00"), 2, 2),
            ("payment", Decimal("130.00"), 3, 3),
        ]
        assert [each["number"] for each in told] == [e.number for e in entries]
        assert [UUID(each["entry_id"]) for each in told] == [e.id for e in entries]
        assert all(e.posted_by is not None for e in entries)


def _close(session: Session, legal_entity_id: UUID) -> None:
    month = today("America/Los_Angeles").replace(day=1)
    lock_month(session, legal_entity_id, month).close(new_id(), now(), None)


def _until_somebody_waits(session: Session) -> None:
    """The database's own word that another connection waits for what this one has locked."""
    assert until(lambda: session.execute(_SOMEBODY_WAITS_FOR_US).scalar(), _PATIENCE, pause=0.02), "nobody waits"
