"""Month close and the reports, through the API."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from services.billing.reports.models import PeriodTotal
from shared import clock
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Pending
from tests.billing.franchise import Entity, make_franchise
from tests.billing.office import Office, make_office
from tests.billing.test_fees import FLAT
from tests.support.callers import Caller


@pytest.fixture
def office(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Iterator[Office]:
    made = make_office(make_app("billing"), gateway_keys)
    with clock.frozen(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        yield made


def close(caller: Caller, month: str = "2026-10", **body: Any) -> Any:
    return caller.post(f"/periods/{month}/closing", json=body)


def write(caller: Caller, amount: str = "50.00", on: str = "2026-10-15", **changes: Any) -> Any:
    lines = [{"account_code": "6900", "debit": amount}, {"account_code": "1000", "credit": amount}]
    body = {"posted_on": on, "memo": "bank charges", "lines": lines, **changes}
    return caller.post("/journal", json=body, headers={"Idempotency-Key": str(new_id())})


def test_a_month_closes_after_its_checklist_and_then_takes_nothing(office: Office) -> None:
    ca = office.franchise.ca
    controller = office.controller(ca)
    office.earn(ca, "1000.00")
    refused: Any = close(controller)
    assert refused.status_code == 409
    assert [item["id"] for item in refused.json["checklist"]] == ["fee_statements"]
    closed: Any = close(controller, accept_warnings=True, note="no fee agreed yet").json
    assert (closed["month"], closed["status"], closed["close_note"]) == ("2026-10", "closed", "no fee agreed yet")
    assert write(controller).status_code == 409
    assert close(controller, accept_warnings=True).status_code == 409
    with office.franchise.transaction() as session:
        assert "billing.period.closed" in session.scalars(select(Pending.type)).all()


def test_a_month_with_its_fee_approved_closes_without_warnings(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    office.approve(ny, office.draft(ny).json)  # type: ignore[arg-type]
    items: Any = office.owner(ny).get("/periods/2026-10/checklist").json
    assert all(item["done"] for item in items["items"])
    assert close(office.owner(ny)).status_code == 200


def test_months_close_in_their_order_and_not_before_they_are_over(office: Office) -> None:
    ca = office.franchise.ca
    office.earn(ca, "10.00", on=date(2026, 9, 30))
    early: Any = close(office.controller(ca), accept_warnings=True)
    assert (early.status_code, early.json["detail"]) == (409, "2026-09 is open")
    unfinished: Any = close(office.controller(ca), "2026-11", accept_warnings=True)
    assert {item["id"] for item in unfinished.json["checklist"]} == {"month_over", "earlier_months"}


def test_reopening_needs_a_reason_and_is_told(office: Office) -> None:
    ca, controller = office.franchise.ca, office.controller(office.franchise.ca)
    office.earn(ca, "1000.00")
    close(controller, accept_warnings=True)
    assert controller.post("/periods/2026-10/reopening", json={}).status_code == 422
    opened: Any = controller.post("/periods/2026-10/reopening", json={"reason": "a bill was forgotten"}).json
    assert (opened["status"], opened["reopen_reason"]) == ("open", "a bill was forgotten")
    assert controller.post("/periods/2026-10/reopening", json={"reason": "again please"}).status_code == 409
    assert write(controller).status_code == 201
    with office.franchise.transaction() as session:
        assert "billing.period.reopened" in session.scalars(select(Pending.type)).all()
        assert session.scalars(select(PeriodTotal)).all() == []


def balances(caller: Caller, as_of: str) -> dict[str, str]:
    answer: Any = caller.get(f"/trial-balance?as_of={as_of}").json
    assert answer["debit"] == answer["credit"]
    return {item["code"]: item["balance"] for item in answer["items"]}


def test_reports_say_the_same_before_and_after_a_close(office: Office) -> None:
    ca, controller = office.franchise.ca, office.controller(office.franchise.ca)
    office.earn(ca, "1000.00", on=date(2026, 10, 1))
    office.earn(ca, "0.01", on=date(2026, 10, 31))
    office.earn(ca, "200.00", on=date(2026, 11, 1))
    write(controller)
    days = ("2026-09-30", "2026-10-01", "2026-10-15", "2026-10-31", "2026-11-01", "2026-11-22")
    before = [balances(controller, day) for day in days]
    assert before[0] == {}
    assert before[1] == {"1200": "1000.00", "4000": "-1000.00"}
    assert before[3] == {"1000": "-50.00", "1200": "1000.01", "4000": "-1000.01", "6900": "50.00"}
    assert before[5]["1200"] == "1200.01"
    close(controller, accept_warnings=True)
    assert [balances(controller, day) for day in days] == before
    with office.franchise.transaction() as session:
        assert sum(total.debit for total in session.scalars(select(PeriodTotal))) == Decimal("1050.01")


def test_profit_and_loss_is_by_site(office: Office) -> None:
    ca, controller = office.franchise.ca, office.controller(office.franchise.ca)
    office.earn(ca, "1000.00")
    write(controller)
    sites: Any = controller.get("/profit-and-loss?first=2026-10-01&last=2026-10-31").json
    assert [(site["location_id"], site["revenue"], site["expense"], site["profit"]) for site in sites["sites"]] == [
        (str(ca.location_id), "1000.00", "0.00", "1000.00"),
        (None, "0.00", "-50.00", "-50.00"),
    ]
    assert controller.get("/profit-and-loss?first=2026-10-31&last=2026-10-01").status_code == 422


def test_an_account_drills_down_to_its_entries_and_sources(office: Office) -> None:
    ca, controller = office.franchise.ca, office.controller(office.franchise.ca)
    for day in (1, 10, 20):
        office.earn(ca, f"{day}.00", on=date(2026, 10, day))
    path = "/ledger-accounts/1200/statement?posted_from=2026-10-05&posted_to=2026-10-31&limit=1"
    first: Any = controller.get(path).json
    assert (first["opening"], first["items"][0]["debit"]) == ("1.00", "10.00")
    assert first["items"][0]["entry"]["source_type"] == "invoice"
    second: Any = controller.get(f"{path}&cursor={first['next']}").json
    assert ([line["debit"] for line in second["items"]], second["next"]) == (["20.00"], None)
    entry: Any = controller.get(f"/journal/{first['items'][0]['entry']['id']}").json
    assert [line["account_code"] for line in entry["lines"]] == ["1200", "4000"]
    assert (
        controller.get("/ledger-accounts/9999/statement?posted_from=2026-10-05&posted_to=2026-10-31").status_code == 404
    )


def test_the_journal_is_listed_newest_first_and_filtered(office: Office) -> None:
    ca, controller = office.franchise.ca, office.controller(office.franchise.ca)
    office.earn(ca, "1.00", on=date(2026, 10, 1))
    write(controller, on="2026-10-02")
    listed: Any = controller.get("/journal").json
    assert [entry["source_type"] for entry in listed["items"]] == ["manual", "invoice"]
    assert listed["items"][0]["lines"][0]["debit"] == "50.00"
    only: Any = controller.get("/journal?source_type=invoice&posted_to=2026-10-01").json
    assert len(only["items"]) == 1
    assert controller.get("/journal?colour=red").status_code == 422


def test_an_entry_by_hand_sent_twice_with_its_key_counts_once(office: Office) -> None:
    controller = office.controller(office.franchise.ca)
    lines = [{"account_code": "6900", "debit": "5.00"}, {"account_code": "1000", "credit": "5.00"}]
    body = {"posted_on": "2026-10-15", "memo": "fees", "lines": lines}
    key = {"Idempotency-Key": "one"}
    assert controller.post("/journal", json=body).status_code == 400
    answers = [controller.post("/journal", json=body, headers=key) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(controller.get("/journal").json["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"on": "2026-12-01"}, 422),
        ({"amount": "0.001"}, 422),
        ({"amount": "0.00"}, 422),
        ({"lines": []}, 422),
        ({"lines": [{"account_code": "6900", "debit": "5.00"}, {"account_code": "1000", "credit": "4.00"}]}, 422),
        ({"lines": [{"account_code": "6999", "debit": "5.00"}, {"account_code": "1000", "credit": "5.00"}]}, 422),
        ({"lines": [{"account_code": "6900", "debit": "5.00", "credit": "5.00"}] * 2}, 422),
        ({"memo": "\u0000"}, 422),
    ],
)
def test_a_bad_entry_is_refused_and_nothing_is_posted(office: Office, changes: dict[str, Any], status: int) -> None:
    controller = office.controller(office.franchise.ca)
    assert write(controller, **changes).status_code == status
    assert controller.get("/journal").json == {"items": [], "next": None}


def test_accounts_are_added_to_one_set_of_books_only(office: Office) -> None:
    controller = office.controller(office.franchise.ca)
    body = {"code": "6950", "name": "Laser maintenance", "kind": "expense"}
    assert controller.post("/ledger-accounts", json=body).status_code == 201
    assert controller.post("/ledger-accounts", json=body).status_code == 409
    codes = [account["code"] for account in controller.get("/ledger-accounts").json["items"]]
    assert "6950" in codes and "6500" in codes and "4500" not in codes
    assert "6950" not in [
        account["code"] for account in office.controller(office.franchise.ny).get("/ledger-accounts").json["items"]
    ]
    assert "4500" in [account["code"] for account in office.mso_controller().get("/ledger-accounts").json["items"]]


def test_books_of_another_entity_or_franchise_stay_closed(office: Office) -> None:
    ca: Entity = office.franchise.ca
    office.earn(ca, "1000.00")
    entry_id = office.controller(ca).get("/journal").json["items"][0]["id"]
    stranger = make_franchise(office.franchise.database)
    for other in (
        office.controller(office.franchise.ny),
        office.mso_controller(),
        office.controller(ca).but(scope=stranger.scope(stranger.ca)),
    ):
        assert other.get("/journal").json == {"items": [], "next": None}
        assert other.get(f"/journal/{entry_id}").status_code == 404
        assert balances(other, "2026-11-22") == {}
        undo = other.post(
            f"/journal/{entry_id}/reversal",
            json={"posted_on": "2026-10-20", "memo": "not mine"},
            headers={"Idempotency-Key": "x"},
        )
        assert undo.status_code == 404


def test_a_month_that_never_was_is_not_found(office: Office) -> None:
    controller = office.controller(office.franchise.ca)
    assert controller.get("/periods/2026-10").status_code == 404
    assert controller.get("/periods/October").status_code == 404
    assert controller.get("/periods").json == {"items": [], "next": None}
