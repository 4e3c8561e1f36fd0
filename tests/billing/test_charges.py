"""Charges: only their provider changes them, and only before they are billed."""

import json
from typing import Any

import pytest

from tests.billing.clinic import Clinic, charge, key


def only_charge(clinic: Clinic) -> dict[str, Any]:
    (found,) = clinic.as_("provider").get("/charges?purpose=treatment").json["items"]
    return dict(found)


def test_the_provider_corrects_a_charge_and_both_versions_stay(clinic: Clinic) -> None:
    clinic.send(charge())
    found = only_charge(clinic)
    provider = clinic.as_("provider", licence="PA-4471", name="Dr. Wu")
    body = {"code": "TOX-FULL", "quantity": "2", "reason": "Two areas were treated"}
    corrected = provider.post(f"/charges/{found['id']}/correction", json=body, headers=key())
    assert corrected.status_code == 200, corrected.json
    assert (corrected.json["code"], corrected.json["amount"]) == ("TOX-FULL", "200.00")
    (revision,) = provider.get(f"/charges/{found['id']}?purpose=treatment").json["revisions"]
    assert (revision["before"]["code"], revision["after"]["code"]) == ("TOX-GLAB", "TOX-FULL")
    assert revision["reason"] == "Two areas were treated"
    (told,) = clinic.told("billing.decision.taken")
    assert (told["data"]["decision"], told["data"]["licence"]) == ("billing.coding.decide", "PA-4471")
    # The register is read on the business side too: neither codes nor reasons stand in it.
    assert not any(word in json.dumps(told) for word in ("TOX", "areas"))


@pytest.mark.parametrize(
    ("role", "kind"), [("biller", "person"), ("medical_director", "person"), ("clinical_system", "machine")]
)
def test_nobody_but_a_provider_chooses_a_code(clinic: Clinic, role: str, kind: str) -> None:
    clinic.send(charge())
    found = only_charge(clinic)
    refused = clinic.as_(role, kind=kind).post(
        f"/charges/{found['id']}/correction", json={"code": "X", "reason": "Upcode"}
    )
    assert (refused.status_code, refused.json["type"]) == (403, "/docs/problems#not-the-decider")
    assert only_charge(clinic)["code"] == "TOX-GLAB"


def test_a_billed_charge_is_corrected_only_after_a_credit_note(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    found, provider = only_charge(clinic), clinic.as_("provider")
    for path, body in (("correction", {"code": "X", "reason": "r"}), ("void", {"reason": "r"})):
        refused = provider.post(f"/charges/{found['id']}/{path}", json=body)
        assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#already-billed")
    note = {"invoice_id": invoice["id"], "reason": "coding_correction", "rebill": True}
    assert clinic.as_("biller").post("/credit-notes", json=note, headers=key()).status_code == 201
    body = {"unit_price": "80.00", "reason": "Half an area"}
    assert provider.post(f"/charges/{found['id']}/correction", json=body).status_code == 200
    assert clinic.issue(invoice["account_id"]).json["total"] == "80.00"


def test_a_voided_charge_is_never_billed(clinic: Clinic) -> None:
    account = clinic.account()
    found, provider = only_charge(clinic), clinic.as_("provider")
    voided = provider.post(f"/charges/{found['id']}/void", json={"reason": "Entered in error"})
    assert (voided.status_code, voided.json["status"]) == (200, "void")
    assert clinic.issue(account).json["type"] == "/docs/problems#nothing-to-invoice"
    again = provider.post(f"/charges/{found['id']}/void", json={"reason": "Entered in error"})
    assert (again.status_code, again.json["type"]) == (409, "/docs/problems#charge-voided")


def test_a_charge_that_was_corrected_here_is_still_known_when_its_file_comes_again(clinic: Clinic) -> None:
    clinic.send(charge())
    found = only_charge(clinic)
    clinic.as_("provider").post(f"/charges/{found['id']}/correction", json={"code": "X1", "reason": "r"})
    again = clinic.send(charge(), charge("c-2"))
    assert (again.json["accepted"], again.json["repeated"]) == (1, 1)
    assert {each["code"] for each in charges(clinic)} == {"X1", "TOX-GLAB"}


def charges(clinic: Clinic, query: str = "") -> list[dict[str, Any]]:
    return list(clinic.as_("biller").get(f"/charges?purpose=payment{query}").json["items"])


def test_a_look_at_charges_is_a_look_at_patients(clinic: Clinic) -> None:
    account = clinic.account(charge("a"), charge("b"))
    assert len(charges(clinic)) == 2
    (told,) = clinic.told("billing.patient_account.read")
    assert told["data"]["account_ids"] == [account]


def test_charges_are_listed_by_status_and_account(clinic: Clinic) -> None:
    invoice = clinic.invoice(charge("a"))
    clinic.send(charge("b"))
    assert [each["source_id"] for each in charges(clinic, "&status=billable")] == ["b"]
    assert [each["source_id"] for each in charges(clinic, f"&account_id={invoice['account_id']}")] == ["b", "a"]
    assert clinic.as_("biller").get("/charges?purpose=payment&status=odd").status_code == 422


def test_the_work_list_names_accounts_by_number_and_says_what_is_held(clinic: Clinic) -> None:
    clinic.send(charge("a"), charge("b", "19.00", item_class="retail"), charge("c", "5.00", item_class="drug"))
    (row,) = clinic.as_("biller").get("/unbilled").json["items"]
    assert row.pop("account_id")
    assert row == {
        "account_number": "PA-2026-000001",
        "location_id": str(clinic.site),
        "charges": 3,
        "amount": "124.00",
        "held_for": ["drug"],
    }
    assert clinic.told("billing.patient_account.read") == []


def test_charges_of_another_site_do_not_exist(clinic: Clinic) -> None:
    clinic.send(charge())
    found = only_charge(clinic)
    elsewhere = clinic.as_("provider", clinic.at(clinic.other_site))
    assert elsewhere.get(f"/charges/{found['id']}?purpose=treatment").status_code == 404
    assert elsewhere.post(f"/charges/{found['id']}/void", json={"reason": "r"}).status_code == 404
    assert elsewhere.get("/unbilled").json["items"] == []


@pytest.mark.parametrize(
    "body", [{}, {"reason": "r"}, {"reason": "r", "code": "two words"}, {"code": "X"}, {"reason": "r", "amount": "1"}]
)
def test_a_correction_says_what_and_why(clinic: Clinic, body: dict[str, str]) -> None:
    clinic.send(charge())
    found = only_charge(clinic)
    assert clinic.as_("provider").post(f"/charges/{found['id']}/correction", json=body).status_code == 422
