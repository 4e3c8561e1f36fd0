"""Refunds and credit notes: never more than was paid or is open; free care is the medical director's decision."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.billing.clinic import Clinic, charge, key
from tests.support.callers import Answer


def request(clinic: Clinic, payment: dict[str, Any], amount: str, reason: str = "overpayment") -> Answer:
    body = {"amount": amount, "reason": reason}
    return clinic.as_("front_desk").post(f"/payments/{payment['id']}/refunds", json=body, headers=key())


def pay_out(clinic: Clinic, refund: dict[str, Any]) -> Answer:
    return clinic.as_("controller").post(f"/refunds/{refund['id']}/payout", headers=key())


def decide(clinic: Clinic, refund: dict[str, Any], approved: bool, role: str = "medical_director") -> Answer:
    return clinic.as_(role).post(f"/refunds/{refund['id']}/approval", json={"approved": approved})


def credit(clinic: Clinic, invoice: dict[str, Any], reason: str = "billing_error", **body: Any) -> Answer:
    sent = {"invoice_id": invoice["id"], "reason": reason, **body}
    return clinic.as_("biller").post("/credit-notes", json=sent, headers=key())


def test_a_refund_takes_from_the_deposit_first_and_opens_the_invoice_for_the_rest(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment = clinic.pay(invoice, "130.00").json
    assert payment["unallocated"] == "30.00"
    refund = request(clinic, payment, "50.00").json
    assert refund["status"] == "approved"
    paid = pay_out(clinic, refund)
    assert (paid.status_code, paid.json["status"]) == (200, "paid")
    assert clinic.open_of(invoice) == "20.00"
    assert clinic.books() == {
        "1000": Decimal("80.00"),
        "1200": Decimal("20.00"),
        "4000": Decimal("-100.00"),
    }
    shown = clinic.as_("biller").get(f"/payments/{payment['id']}").json
    assert (shown["unallocated"], shown["refunded"]) == ("0.00", "50.00")
    assert [each["amount"] for each in shown["allocations"]] == ["100.00", "-20.00"]
    day = clinic.as_("location_manager").get(f"/takings/{paid.json['paid_on']}").json
    assert (day["received"], day["refunded"], day["net"]) == ("130.00", "50.00", "80.00")
    (told,) = clinic.told("billing.refund.paid")
    assert told["data"]["amount"] == "50.00"


def test_never_more_is_refunded_than_was_paid(clinic: Clinic) -> None:
    payment = clinic.pay(clinic.invoice(), "100.00").json
    refused = request(clinic, payment, "100.01")
    assert (refused.status_code, refused.json["left"]) == (409, "100.00")
    # Each request alone is within what was paid; together they are not.
    refunds = [request(clinic, payment, "60.00").json for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda refund: pay_out(clinic, refund), refunds))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert clinic.books()["1000"] == Decimal("40.00")


def test_a_refund_is_paid_once_however_often_it_is_asked(clinic: Clinic) -> None:
    payment = clinic.pay(clinic.invoice(), "100.00").json
    refund = request(clinic, payment, "10.00").json
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: pay_out(clinic, refund), range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert clinic.books()["1000"] == Decimal("90.00")


def test_a_refund_for_a_clinical_reason_waits_for_the_medical_director(clinic: Clinic) -> None:
    payment = clinic.pay(clinic.invoice(), "100.00").json
    refund = request(clinic, payment, "100.00", "clinical").json
    assert refund["status"] == "requested"
    refused = pay_out(clinic, refund)
    assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#refund-not-approved")
    for role in ("biller", "controller", "provider", "clinical_entity_owner"):
        refused = decide(clinic, refund, True, role)
        assert (refused.status_code, refused.json["type"]) == (403, "/docs/problems#not-the-decider")
    approved = decide(clinic, refund, True)
    assert (approved.status_code, approved.json["status"]) == (200, "approved")
    (told,) = clinic.told("billing.decision.taken")
    assert told["data"]["decision"] == "billing.refund.clinical.approve"
    assert told["data"]["proposed_by"] == refund["requested_by"]
    again = decide(clinic, refund, False)
    assert (again.status_code, again.json["type"]) == (409, "/docs/problems#not-awaiting-decision")
    assert pay_out(clinic, refund).status_code == 200


def test_a_refused_refund_is_not_paid(clinic: Clinic) -> None:
    payment = clinic.pay(clinic.invoice(), "100.00").json
    refund = request(clinic, payment, "100.00", "clinical").json
    assert decide(clinic, refund, False).json["status"] == "refused"
    assert pay_out(clinic, refund).status_code == 409
    assert [each["id"] for each in clinic.as_("biller").get("/refunds?status=refused").json["items"]] == [refund["id"]]
    assert clinic.books()["1000"] == Decimal("100.00")


def test_free_care_reaches_as_far_as_the_clinical_refund_and_no_further(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment = clinic.pay(invoice, "100.00").json
    refund = request(clinic, payment, "40.00", "clinical").json
    decide(clinic, refund, True)
    pay_out(clinic, refund)
    line = clinic.as_("biller").get(f"/invoices/{invoice['id']}").json["lines"][0]["id"]
    too_much = credit(clinic, invoice, "clinical", lines=[{"line_id": line, "amount": "40.01"}])
    assert (too_much.status_code, too_much.json["type"]) == (409, "/docs/problems#free-care-not-decided")
    given = credit(clinic, invoice, "clinical", lines=[{"line_id": line, "amount": "40.00"}])
    assert given.status_code == 201, given.json
    again = credit(clinic, invoice, "clinical", lines=[{"line_id": line, "amount": "0.01"}])
    assert again.json["type"] == "/docs/problems#free-care-not-decided"
    assert clinic.books() == {"1000": Decimal("60.00"), "4000": Decimal("-60.00")}


def test_a_credit_note_gives_back_revenue_and_tax(clinic: Clinic) -> None:
    invoice = clinic.invoice(charge("a", "100.00", item_class="retail"), charge("b", "50.00"))
    note = credit(clinic, invoice)
    assert note.status_code == 201, note.json
    assert (note.json["number"], note.json["tax"], note.json["total"]) == ("CN-2026-000001", "9.50", "159.50")
    assert clinic.open_of(invoice) == "0.00"
    assert clinic.books() == {}
    again = credit(clinic, invoice)
    assert (again.status_code, again.json["type"]) == (409, "/docs/problems#nothing-to-credit")
    (told,) = clinic.told("billing.credit_note.issued")
    assert told["data"]["reason"] == "billing_error"
    detail = clinic.as_("biller").get(f"/credit-notes/{note.json['id']}").json
    assert sorted(each["amount"] for each in detail["lines"]) == ["100.00", "50.00"]


def test_parts_of_a_line_add_up_to_its_tax_to_the_cent(clinic: Clinic) -> None:
    invoice = clinic.invoice(charge("a", "10.00", item_class="retail"))
    assert invoice["tax"] == "0.95"
    line = clinic.as_("biller").get(f"/invoices/{invoice['id']}").json["lines"][0]["id"]
    taxes = [
        Decimal(credit(clinic, invoice, lines=[{"line_id": line, "amount": amount}]).json["tax"])
        for amount in ("3.33", "3.33", "3.34")
    ]
    assert sum(taxes) == Decimal("0.95")
    more = credit(clinic, invoice, lines=[{"line_id": line, "amount": "0.01"}])
    assert (more.status_code, more.json["type"]) == (409, "/docs/problems#more-than-the-line")


def test_what_was_paid_is_refunded_before_it_is_credited(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    clinic.pay(invoice, "30.00")
    refused = credit(clinic, invoice)
    assert (refused.status_code, refused.json["open"]) == (409, "70.00")


def test_only_a_whole_credit_makes_charges_billable_again(clinic: Clinic) -> None:
    invoice = clinic.invoice(charge("a"), charge("b"))
    line = clinic.as_("biller").get(f"/invoices/{invoice['id']}").json["lines"][0]["id"]
    part = credit(clinic, invoice, lines=[{"line_id": line, "amount": "100.00"}], rebill=True)
    assert (part.status_code, part.json["type"]) == (409, "/docs/problems#rebill-of-part")
    assert clinic.open_of(invoice) == "200.00"
    assert credit(clinic, invoice, rebill=True).status_code == 201
    assert clinic.issue(invoice["account_id"]).json["number"] == "INV-2026-000002"


def test_a_credit_and_payments_at_the_same_moment_never_go_below_zero(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    share = [{"invoice_id": invoice["id"], "amount": "60.00"}]

    def act(number: int) -> Answer:
        return credit(clinic, invoice) if number % 2 else clinic.pay(invoice, "60.00", allocations=share)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(act, range(6)))
    assert [answer.status_code for answer in answers].count(201) == 1
    assert clinic.open_of(invoice) in ("0.00", "40.00")
    assert clinic.books().get("1200", Decimal(0)) == Decimal(clinic.open_of(invoice))


@pytest.mark.parametrize("path", ["refunds", "credit-notes"])
def test_refunds_and_credits_of_another_site_do_not_exist(clinic: Clinic, path: str) -> None:
    invoice = clinic.invoice()
    payment = clinic.pay(invoice, "50.00").json
    made = (
        request(clinic, payment, "10.00") if path == "refunds" else credit(clinic, clinic.invoice(charge("x")))
    ).json
    there = clinic.as_("biller", clinic.at(clinic.other_site))
    assert there.get(f"/{path}/{made['id']}").status_code == 404
    assert there.get(f"/{path}").json["items"] == []
    assert clinic.as_("biller").get(f"/{path}/{made['id']}").json["id"] == made["id"]
    body = {"amount": "1.00", "reason": "duplicate"}
    assert there.post(f"/payments/{payment['id']}/refunds", json=body, headers=key()).status_code == 404
    note = {"invoice_id": invoice["id"], "reason": "duplicate"}
    assert there.post("/credit-notes", json=note, headers=key()).status_code == 404
