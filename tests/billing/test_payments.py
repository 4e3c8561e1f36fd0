"""Payments: once per key, never more than is open or was paid, also when two come at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.billing.clinic import Clinic, charge, key


def test_a_payment_settles_the_invoice_and_stands_in_the_books(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    paid = clinic.pay(invoice, "100.00", reference="ch_81")
    assert paid.status_code == 201, paid.json
    assert paid.json["unallocated"] == "0.00"
    assert clinic.open_of(invoice) == "0.00"
    assert clinic.books() == {"1000": Decimal("100.00"), "4000": Decimal("-100.00")}
    (told,) = clinic.told("billing.payment.received")
    assert told["data"]["amount"] == "100.00"
    assert told["plane"] == "business"


def test_a_payment_sent_twice_with_one_key_is_taken_once(clinic: Clinic) -> None:
    invoice, once = clinic.invoice(), key()
    first = clinic.pay(invoice, "40.00", headers=once)
    again = clinic.pay(invoice, "40.00", headers=once)
    # Two callers of the same role are two principals, so the key is tried again by the same one.
    clerk = clinic.as_("front_desk")
    body = {"account_id": invoice["account_id"], "method": "cash", "amount": "10.00"}
    answers = [clerk.post("/payments", json=body, headers=once) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["id"] != again.json["id"]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert clinic.open_of(invoice) == "10.00"


def test_a_payment_without_an_idempotency_key_is_refused(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    body = {"account_id": invoice["account_id"], "method": "card", "amount": "1.00"}
    refused = clinic.as_("front_desk").post("/payments", json=body)
    assert (refused.status_code, refused.json["type"]) == (400, "/docs/problems#idempotency-key-missing")
    assert clinic.open_of(invoice) == "100.00"


def test_more_than_is_open_cannot_be_allocated(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    share = [{"invoice_id": invoice["id"], "amount": "100.01"}]
    refused = clinic.pay(invoice, "200.00", allocations=share)
    assert (refused.status_code, refused.json["open"]) == (409, "100.00")
    assert clinic.open_of(invoice) == "100.00"
    assert clinic.told("billing.payment.received") == []


def test_more_than_was_paid_cannot_be_allocated(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    share = [{"invoice_id": invoice["id"], "amount": "60.00"}]
    refused = clinic.pay(invoice, "50.00", allocations=share)
    assert (refused.status_code, refused.json["type"]) == (409, "/docs/problems#more-than-on-account")


def test_money_of_one_account_does_not_pay_an_invoice_of_another(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    clinic.send(charge("c-2", patient_id="MRN-2", patient_name="Ada B"))
    other = clinic.as_("biller").get("/unbilled").json["items"][0]["account_id"]
    refused = clinic.pay({"account_id": other}, "10.00", allocations=[{"invoice_id": invoice["id"], "amount": "10.00"}])
    assert (refused.status_code, refused.json["type"]) == (422, "/docs/problems#invoice-of-another-account")


def test_eight_people_paying_one_invoice_at_once_never_pay_more_than_is_open(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    share = [{"invoice_id": invoice["id"], "amount": "30.00"}]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: clinic.pay(invoice, "30.00", allocations=share), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert clinic.open_of(invoice) == "10.00"
    assert clinic.books()["1200"] == Decimal("10.00")


def test_one_key_from_many_threads_is_one_payment(clinic: Clinic) -> None:
    invoice, once, clerk = clinic.invoice(), key(), clinic.as_("front_desk")
    body = {"account_id": invoice["account_id"], "method": "card", "amount": "25.00"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: clerk.post("/payments", json=body, headers=once), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert clinic.open_of(invoice) == "75.00"


def test_what_is_not_allocated_is_a_deposit_that_pays_a_later_invoice(clinic: Clinic) -> None:
    account = {"account_id": clinic.account()}
    deposit = clinic.pay(account, "150.00", allocations=[])
    assert deposit.json["unallocated"] == "150.00"
    assert clinic.books() == {"1000": Decimal("150.00"), "2400": Decimal("-150.00")}
    invoice = clinic.issue(account["account_id"]).json
    used = clinic.as_("biller").post(f"/payments/{deposit.json['id']}/allocations", json={}, headers=key())
    assert (used.status_code, used.json["unallocated"]) == (200, "50.00")
    assert clinic.open_of(invoice) == "0.00"
    assert clinic.books() == {"1000": Decimal("150.00"), "2400": Decimal("-50.00"), "4000": Decimal("-100.00")}
    shown = clinic.as_("biller").get(f"/payments/{deposit.json['id']}").json
    assert [(each["invoice_id"], each["amount"]) for each in shown["allocations"]] == [(invoice["id"], "100.00")]


def test_without_a_choice_the_oldest_invoice_is_paid_first(clinic: Clinic) -> None:
    first = clinic.invoice(charge("a", "60.00"))
    second = clinic.invoice(charge("b", "60.00"))
    assert clinic.pay(first, "80.00").status_code == 201
    assert (clinic.open_of(first), clinic.open_of(second)) == ("0.00", "40.00")


@pytest.mark.parametrize("reference", ["4111111111111111", "5500-0000-0000-0004"])
def test_a_card_number_is_never_kept(clinic: Clinic, reference: str) -> None:
    refused = clinic.pay(clinic.invoice(), "1.00", reference=reference)
    assert (refused.status_code, refused.json["type"]) == (422, "/docs/problems#card-number")
    assert "1111" not in refused.get_data(as_text=True)


@pytest.mark.parametrize("amount", ["0.00", "-5.00", "1.005", 5, "NaN", "1e3", "99999999999999"])
def test_an_amount_is_a_positive_exact_number_of_cents(clinic: Clinic, amount: object) -> None:
    refused = clinic.pay(clinic.invoice(), amount)  # type: ignore[arg-type]
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/amount"


def test_another_sites_payment_does_not_exist(clinic: Clinic) -> None:
    payment = clinic.pay(clinic.invoice(), "10.00").json
    elsewhere = clinic.at(clinic.other_site)
    assert clinic.as_("biller", elsewhere).get(f"/payments/{payment['id']}").status_code == 404
    assert clinic.as_("biller", elsewhere).get("/payments").json["items"] == []
    paid_there = clinic.as_("front_desk", elsewhere).post(
        "/payments",
        json={"account_id": payment["account_id"], "method": "cash", "amount": "1.00"},
        headers=key(),
    )
    assert paid_there.status_code == 404


def test_the_days_takings_show_every_method(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    paid = clinic.pay(invoice, "60.00").json
    clinic.pay(invoice, "15.00", method="cash")
    day = clinic.as_("location_manager").get(f"/takings/{paid['received_on']}").json
    assert (day["received"], day["refunded"], day["net"]) == ("75.00", "0.00", "75.00")
    totals = {each["method"]: (each["payments"], each["net"]) for each in day["methods"]}
    assert totals["card"] == (1, "60.00")
    assert totals["cash"] == (1, "15.00")
    assert totals["ach"] == (0, "0.00")
    listed = clinic.as_("biller").get("/payments", query_string={"received_on": paid["received_on"]}).json["items"]
    assert [each["amount"] for each in listed] == ["15.00", "60.00"]
    assert clinic.as_("location_manager").get("/takings/yesterday").status_code == 404
