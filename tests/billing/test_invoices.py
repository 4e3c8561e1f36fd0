"""Invoices: exact, taxed by rule, numbered without gaps, never changed once issued."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from shared import clock
from shared.tenancy import Scope
from tests.billing.clinic import NAME, SECRETS, Clinic, charge, key


def test_an_invoice_bills_what_waits_with_tax_and_stands_in_the_books(clinic: Clinic) -> None:
    invoice = clinic.invoice(charge("a", "250.00"), charge("b", "38.50", item_class="retail", quantity="2"))
    assert invoice["number"] == "INV-2026-000001"
    assert (invoice["subtotal"], invoice["tax"], invoice["total"]) == ("327.00", "7.32", "334.32")
    assert invoice["open"] == "334.32"
    assert clinic.books() == {
        "1200": Decimal("334.32"),
        "2300": Decimal("-7.32"),
        "4000": Decimal("-250.00"),
        "4100": Decimal("-77.00"),
    }
    shown = clinic.as_("biller").get(f"/invoices/{invoice['id']}").json
    assert [(line["amount"], line["tax_rate"], line["tax"]) for line in shown["lines"]] == [
        ("250.00", "0", "0.00"),
        ("77.00", "0.095", "7.32"),
    ]


def test_the_event_of_an_invoice_says_nothing_of_the_patient_or_the_treatment(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    (told,) = clinic.told("billing.invoice.issued")
    assert told["plane"] == "business"
    assert set(told["data"]) == {
        "invoice_id",
        "number",
        "legal_entity_id",
        "location_id",
        "issued_on",
        "total",
        "tax",
    }
    assert told["data"]["number"] == invoice["number"]


def test_a_biller_reads_an_invoice_by_account_number_without_codes(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    answer = clinic.as_("biller").get(f"/invoices/{invoice['id']}")
    assert answer.json["account_number"] == "PA-2026-000001"
    text = answer.get_data(as_text=True)
    assert [word for word in (*SECRETS, "TOX") if word in text] == []
    assert clinic.told("billing.patient_account.read") == []


def test_the_statement_shows_name_and_codes_and_the_look_is_told(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    path = f"/invoices/{invoice['id']}/statement"
    statement = clinic.as_("biller").get(f"{path}?purpose=payment").json
    assert statement["bill_to"]["name"] == NAME
    assert [line["code"] for line in statement["lines"]] == ["TOX-GLAB"]
    assert len(clinic.told("billing.patient_account.read")) == 1
    assert clinic.as_("controller").get(f"{path}?purpose=payment").status_code == 403


def test_what_is_billed_is_not_billed_again(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    again = clinic.issue(invoice["account_id"])
    assert (again.status_code, again.json["type"]) == (409, "/docs/problems#nothing-to-invoice")


def test_eight_people_invoicing_one_account_at_once_make_one_invoice(clinic: Clinic) -> None:
    account = clinic.account(*(charge(f"c-{i}") for i in range(5)))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: clinic.issue(account), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert clinic.books()["1200"] == Decimal("500.00")


def test_numbers_of_an_entity_have_no_gap_however_many_issue_at_once(clinic: Clinic) -> None:
    clinic.send(*(charge(f"c-{i}", patient_id=f"MRN-{i}") for i in range(12)))
    accounts = [row["account_id"] for row in clinic.as_("biller").get("/unbilled").json["items"]]
    # Refused in the middle: what fails takes no number.
    clinic.send(charge("held", item_class="drug", patient_id="MRN-99"))
    held = clinic.as_("biller").get("/unbilled").json["items"][0]["account_id"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(clinic.issue, [*accounts[:6], held, *accounts[6:], held]))
    numbers = sorted(answer.json["number"] for answer in answers if answer.status_code == 201)
    assert numbers == [f"INV-2026-{i:06d}" for i in range(1, 13)]
    assert [answer.status_code for answer in answers].count(409) == 2


def test_chosen_charges_are_billed_and_the_others_wait(clinic: Clinic) -> None:
    account = clinic.account(charge("a", "10.00"), charge("b", "20.00"))
    charges = clinic.as_("biller").get("/charges?purpose=payment").json["items"]
    chosen = [each["id"] for each in charges if each["source_id"] == "b"]
    assert clinic.issue(account, charge_ids=chosen).json["total"] == "20.00"
    refused = clinic.issue(account, charge_ids=chosen)
    assert (refused.status_code, refused.json["charges"]) == (409, chosen)
    assert clinic.issue(account).json["total"] == "10.00"


def test_a_class_without_a_tax_rule_holds_the_invoice_until_somebody_says(clinic: Clinic) -> None:
    account = clinic.account(charge("a", item_class="drug"))
    held = clinic.issue(account)
    assert (held.status_code, held.json["type"]) == (409, "/docs/problems#tax-unknown")
    assert held.json["item_classes"] == ["drug"]
    assert clinic.as_("biller").post("/invoices/preview", json={"account_id": account}).status_code == 409
    assert clinic.tax("drug", "0").status_code == 201
    assert clinic.issue(account).json["tax"] == "0.00"


def test_a_preview_says_what_it_would_come_to_and_changes_nothing(clinic: Clinic) -> None:
    account = clinic.account(charge("a", "10.10", item_class="retail"))
    preview = clinic.as_("biller").post("/invoices/preview", json={"account_id": account})
    assert preview.status_code == 200, preview.json
    assert (preview.json["tax"], preview.json["total"]) == ("0.96", "11.06")
    assert clinic.as_("biller").get("/invoices").json["items"] == []
    assert clinic.books() == {}


def test_an_invoice_is_dated_in_the_sites_own_day_and_due_after_its_terms(clinic: Clinic) -> None:
    account = clinic.account(charge("a", service_on="2026-11-20"))
    with clock.frozen(datetime(2026, 12, 1, 3, tzinfo=UTC)):
        invoice = clinic.issue(account, terms_days=30).json
    assert (invoice["issued_on"], invoice["due_on"]) == ("2026-11-30", "2026-12-30")


def test_the_database_lets_nobody_change_an_issued_invoice(clinic: Clinic) -> None:
    clinic.invoice()
    settings = clinic.app.extensions["partywall"].settings
    for statement in (
        "update invoice set total = 1, subtotal = 1, open = 1",
        "update invoice set number = 'INV-2026-000009'",
        "update invoice set account_id = gen_random_uuid()",
        "delete from invoice",
        "update invoice_line set amount = 1",
        "delete from invoice_line",
    ):
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("select set_config('role', 'partywall_network', true)")
            organization = str(clinic.franchise.organization_id)
            connection.execute("select set_config('app.organization', %s, true)", [organization])
            with pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)):
                connection.execute(statement.encode())


def test_the_books_and_the_invoice_stand_or_fall_together(clinic: Clinic) -> None:
    account = clinic.account()
    with clock.frozen(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        close_november(clinic)
        refused = clinic.issue(account)
    assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#period-closed")
    assert clinic.as_("biller").get("/invoices").json["items"] == []
    assert clinic.as_("biller").get("/unbilled").json["items"][0]["charges"] == 1


def close_november(clinic: Clinic) -> None:
    from services.billing.ledger.books import lock_month
    from shared.ids import new_id
    from tests.billing.franchise import NOVEMBER

    with clinic.franchise.transaction() as session:
        lock_month(session, clinic.entity, NOVEMBER).close(new_id(), clock.now(), None)


def test_invoices_are_listed_newest_first_and_the_open_ones_alone(clinic: Clinic) -> None:
    first, second = clinic.invoice(charge("a")), clinic.invoice(charge("b"))
    share = [{"invoice_id": first["id"], "amount": "100.00"}]
    clinic.pay(first, "100.00", allocations=share)
    assert numbers(clinic, "") == [second["number"], first["number"]]
    assert numbers(clinic, "?only_open=true") == [second["number"]]
    assert numbers(clinic, "?account_id=01890000-0000-7000-8000-000000000000") == []


def numbers(clinic: Clinic, query: str, scope: Scope | None = None) -> list[Any]:
    return [each["number"] for each in clinic.as_("biller", scope).get(f"/invoices{query}").json["items"]]


def test_invoices_of_another_site_do_not_exist_there_but_do_for_their_entity(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    elsewhere = clinic.as_("biller", clinic.at(clinic.other_site))
    assert elsewhere.get(f"/invoices/{invoice['id']}").status_code == 404
    assert elsewhere.get(f"/invoices/{invoice['id']}/statement?purpose=payment").status_code == 404
    refused = elsewhere.post("/invoices", json={"account_id": invoice["account_id"]}, headers=key())
    assert refused.status_code == 404
    assert numbers(clinic, "", clinic.at(clinic.other_site)) == []
    assert numbers(clinic, "", clinic.franchise.scope(clinic.franchise.ca)) == [invoice["number"]]
    assert numbers(clinic, "", clinic.franchise.scope(clinic.franchise.ny)) == []
    assert numbers(clinic, "", Scope(clinic.franchise.organization_id, "network", (clinic.other_site,), ())) == []


def test_a_year_has_its_own_numbers(clinic: Clinic) -> None:
    clinic.invoice(charge("a"))
    account = clinic.account(charge("b"))
    with clock.frozen(datetime(2027, 1, 2, 12, tzinfo=UTC)):
        assert clinic.issue(account).json["number"] == "INV-2027-000001"
