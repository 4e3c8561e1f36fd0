"""The month's fee: its working, the owner's approval, and both books in one piece."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from services.billing.fee_statements.models import FeeStatement
from services.billing.ledger.models import JournalEntry
from shared import clock
from shared.decisions import ReservedDecision
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Pending
from tests.billing.office import Office, make_office
from tests.billing.test_fees import FLAT, PERCENT

COST_PLUS = {"percent": "8", "cost_categories": ["supplies"]}


@pytest.fixture
def office(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Office:
    return make_office(make_app("billing"), gateway_keys)


def test_a_flat_fee_in_new_york_goes_into_both_books_when_the_owner_approves(office: Office) -> None:
    ny, franchise = office.franchise.ny, office.franchise
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    assert (statement["number"], statement["amount"], statement["status"]) == ("FS-2026-000001", "8000.00", "drafted")
    assert statement["working"][0]["label"] == "Monthly fee 8000.00, 31 of 31 days in force"
    assert franchise.books_of(ny.id) == {}
    approved: Any = office.approve(ny, statement).json
    assert approved["status"] == "approved"
    assert franchise.books_of(ny.id) == {"6500": Decimal("8000.00"), "2500": Decimal("-8000.00")}
    assert franchise.books_of(franchise.mso_id) == {"1500": Decimal("8000.00"), "4500": Decimal("-8000.00")}
    with franchise.transaction() as session:
        entries = session.scalars(select(JournalEntry)).all()
        told = session.scalars(select(Pending.type)).all()
    assert {(entry.posted_on, str(entry.source_id)) for entry in entries} == {(date(2026, 10, 31), statement["id"])}
    assert len({entry.link_id for entry in entries}) == 1
    assert told.count("billing.fee_statement.approved") == 1
    assert told.count("billing.fee_statement.drafted") == 1


def test_a_percentage_in_california_shows_its_base_and_nets_credit_notes(office: Office) -> None:
    ca = office.franchise.ca
    office.agree(ca, "fee.pct_gross", **PERCENT)
    office.earn(ca, "10000.00")
    office.earn(ca, "500.55", account="4100")
    office.earn(ca, "7000.00", on=date(2026, 9, 30))
    with office.franchise.transaction() as session:
        entry = session.scalars(select(JournalEntry).where(JournalEntry.total == Decimal("10000.00"))).one()
    reversal = office.controller(ca).post(
        f"/journal/{entry.id}/reversal",
        json={"posted_on": "2026-10-20", "memo": "credit note"},
        headers={"Idempotency-Key": "credit-1"},
    )
    assert reversal.status_code == 201
    office.earn(ca, "9000.00")
    statement: Any = office.draft(ca).json
    assert (statement["base"], statement["amount"]) == ("9500.55", "1140.07")
    base = [(line["label"], line["amount"]) for line in statement["working"] if line["section"] == "base"]
    assert base == [("4000 Service revenue, 3 entries", "9000.00"), ("4100 Retail revenue, 1 entries", "500.55")]


def test_cost_plus_in_texas_is_fed_by_receipts_and_charges_each_once(office: Office) -> None:
    tx = office.franchise.tx
    office.agree(tx, "fee.cost_plus", **COST_PLUS)
    first = office.receive(tx, "120.00")
    office.receive(tx, "80.00")
    statement: Any = office.draft(tx).json
    assert statement["amount"] == "216.00"
    costs = [line for line in statement["working"] if line["section"] == "cost"]
    assert costs[0]["document"] == f"{first.number} SKU-1, Paper & Co"
    assert office.approve(tx, statement).status_code == 200
    office.receive(tx, "10.00", on=date(2026, 10, 30))  # arrives late, after the statement
    office.receive(tx, "100.00", on=date(2026, 11, 3))
    november: Any = office.draft(tx, "2026-11").json
    assert november["amount"] == "118.80"
    assert office.approve(tx, november).status_code == 200


def test_a_metered_fee_counts_its_units_once(office: Office) -> None:
    ca = office.franchise.ca
    menu = [{"unit": "payroll_run", "price": "2500"}, {"unit": "purchase_order", "price": "4.5"}]
    office.agree(ca, "fee.per_service_menu", menu=menu)
    units = [
        {"unit": "payroll_run", "quantity": "2", "performed_on": "2026-10-15", "reference": "run 1"},
        {"unit": "purchase_order", "quantity": "10", "performed_on": "2026-10-31", "reference": "orders"},
    ]
    body = {"agreement_id": str(ca.agreement_id), "units": units}
    assert office.controller(ca).post("/fee-usage", json=body).status_code == 201
    assert office.controller(ca).post("/fee-usage", json=body).status_code == 409
    nothing = {**units[0], "quantity": "0.0", "reference": "nothing"}
    assert office.controller(ca).post("/fee-usage", json={**body, "units": [nothing]}).status_code == 422
    statement: Any = office.draft(ca).json
    assert statement["amount"] == "5045.00"
    assert office.approve(ca, statement).status_code == 200
    assert office.draft(ca, "2026-11").json["amount"] == "0.00"  # type: ignore[index]


def test_a_metered_fee_above_its_band_is_drafted_but_not_approved(office: Office) -> None:
    ca = office.franchise.ca
    office.agree(ca, "fee.per_service_menu", menu=[{"unit": "payroll_run", "price": "2500"}])
    units = [{"unit": "payroll_run", "quantity": "4", "performed_on": "2026-10-15", "reference": "runs"}]
    office.controller(ca).post("/fee-usage", json={"agreement_id": str(ca.agreement_id), "units": units})
    statement: Any = office.draft(ca).json
    assert statement["outcome"] == "blocked"
    refused: Any = office.approve(ca, statement)
    assert (refused.status_code, refused.json["policy"]) == (409, "chk.fee_in_band")
    assert office.franchise.books_of(ca.id) == {}


def test_approving_twice_and_at_once_is_once(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: office.approve(ny, statement), range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert office.franchise.books_of(ny.id)["6500"] == Decimal("8000.00")
    with office.franchise.transaction() as session:
        taken = session.scalars(select(ReservedDecision.subject_type)).all()
    assert taken.count("fee_statement") == 1


def test_drafting_at_once_makes_one_statement(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: office.draft(ny), range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    with office.franchise.transaction() as session:
        assert session.scalars(select(FeeStatement.number)).all() == ["FS-2026-000001"]


def test_the_owner_names_the_amount_they_read(office: Office) -> None:
    ca = office.franchise.ca
    office.agree(ca, "fee.pct_gross", **PERCENT)
    office.earn(ca, "1000.00")
    read: Any = office.draft(ca).json
    office.earn(ca, "1000.00")
    office.draft(ca)
    refused: Any = office.approve(ca, read)
    assert (refused.status_code, refused.json["amount"]) == (409, "240.00")
    assert office.approve(ca, read, amount="240.00").status_code == 200


def test_revenue_that_comes_late_is_charged_with_the_next_statement(office: Office) -> None:
    ca = office.franchise.ca
    office.agree(ca, "fee.pct_gross", **PERCENT)
    office.earn(ca, "1000.00")
    office.approve(ca, office.draft(ca).json)  # type: ignore[arg-type]
    office.earn(ca, "500.00", on=date(2026, 10, 31))
    november: Any = office.draft(ca, "2026-11").json
    assert (november["base"], november["amount"]) == ("0.00", "60.00")
    assert "Correction of 2026-10" in november["working"][-1]["label"]


def test_a_refused_statement_makes_room_for_another(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    path = f"/fee-statements/{statement['id']}/refusal"
    assert office.owner(ny).post(path, json={"reason": "wrong month"}).json["status"] == "refused"
    assert office.approve(ny, statement).status_code == 409
    again: Any = office.draft(ny).json
    assert again["number"] == "FS-2026-000002"
    assert office.franchise.books_of(ny.id) == {}


def test_an_approved_month_cannot_be_drafted_again(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    office.approve(ny, office.draft(ny).json)  # type: ignore[arg-type]
    assert office.draft(ny).status_code == 409


def test_terms_do_not_change_inside_a_month_that_has_a_statement(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    office.draft(ny)
    owner = office.owner(ny)
    late: Any = office.propose(ny, "fee.flat_monthly", effective_from="2026-10", monthly_amount="8500.00").json
    refused: Any = owner.post(f"/fee-terms/{late['id']}/approval")
    assert (refused.status_code, refused.json["type"].rsplit("#")[1]) == (409, "method-fixed")
    ahead: Any = office.propose(ny, "fee.flat_monthly", effective_from="2026-11", monthly_amount="8500.00").json
    assert owner.post(f"/fee-terms/{ahead['id']}/approval").status_code == 200
    assert office.draft(ny).json["amount"] == "8000.00"  # type: ignore[index]
    assert office.draft(ny, "2026-11").json["amount"] == "8500.00"  # type: ignore[index]


def test_an_opinion_that_ran_out_since_the_draft_stops_the_approval(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    with clock.frozen(datetime(2027, 3, 5, tzinfo=UTC)):
        refused: Any = office.approve(ny, statement)
    assert (refused.status_code, refused.json["policy"]) == (409, "chk.fmv_current")


def test_a_fee_that_takes_most_of_the_profit_is_flagged_and_not_stopped(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    office.earn(ny, "10000.00")
    statement: Any = office.draft(ny).json
    flags = {check["id"]: check["severity"] for check in statement["checks"]}
    assert flags == {"chk.effective_rate": "review"}
    assert statement["outcome"] == "allowed"


def test_an_unfinished_month_is_flagged(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    with clock.frozen(datetime(2026, 11, 22, tzinfo=UTC)):
        statement: Any = office.draft(ny, "2026-11").json
    assert "chk.services_delivered" in {check["id"] for check in statement["checks"]}


def test_no_fee_without_terms_for_a_month_to_come_or_outside_the_agreement(
    make_app: Callable[..., Flask], gateway_keys: Keyring
) -> None:
    office = make_office(make_app("billing"), gateway_keys, "NY", ends_on=date(2027, 1, 31))
    ny = office.franchise.ny
    assert office.draft(ny).json["title"] == "The clinical-entity owner has approved no terms for this month"  # type: ignore[index]
    office.agree(ny, "fee.flat_monthly", **FLAT)
    assert office.draft(ny, "2027-03").status_code == 422
    assert office.draft(ny, "2026-01").status_code == 409


def test_the_last_month_of_an_ended_agreement_is_prorated(
    make_app: Callable[..., Flask], gateway_keys: Keyring
) -> None:
    ended = {"signed_on": date(2025, 1, 1), "starts_on": date(2025, 2, 1), "ends_on": date(2026, 10, 20)}
    office = make_office(make_app("billing"), gateway_keys, "NY", **ended)
    office.agree(office.franchise.ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(office.franchise.ny).json
    assert statement["amount"] == "5161.29"
    assert office.approve(office.franchise.ny, statement).status_code == 200
    with office.franchise.transaction() as session:
        assert set(session.scalars(select(JournalEntry.posted_on))) == {date(2026, 10, 20)}


def test_approval_asks_for_an_idempotency_key_and_replays_it(office: Office) -> None:
    ny = office.franchise.ny
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    owner, path = office.owner(ny), f"/fee-statements/{statement['id']}/approval"
    assert owner.post(path, json={"amount": "8000.00"}).status_code == 400
    key = {"Idempotency-Key": str(new_id())}
    first = owner.post(path, json={"amount": "8000.00"}, headers=key)
    second = owner.post(path, json={"amount": "8000.00"}, headers=key)
    assert (first.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert owner.post(path, json={"amount": "8000.01"}, headers=key).status_code == 422


def test_statements_of_another_entity_do_not_exist(office: Office) -> None:
    ny, ca = office.franchise.ny, office.franchise.ca
    office.agree(ny, "fee.flat_monthly", **FLAT)
    statement: Any = office.draft(ny).json
    assert office.owner(ca).get(f"/fee-statements/{statement['id']}").status_code == 404
    assert office.owner(ca).get("/fee-statements").json == {"items": [], "next": None}
    assert office.approve(ca, statement).status_code == 404
    listed: Any = office.owner(ny).get("/fee-statements?month=2026-10&status=drafted").json
    assert [each["id"] for each in listed["items"]] == [statement["id"]]
    assert office.owner(ny).get("/fee-statements?month=2026-09").json == {"items": [], "next": None}
