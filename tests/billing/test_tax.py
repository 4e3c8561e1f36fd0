"""Sales tax: by place, class and day, from recorded rules; half a cent goes up."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.invoices.rules import tax_on
from shared import clock
from tests.billing.clinic import Clinic, charge


@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [
        ("10.00", "0.0725", "0.73"),
        ("0.10", "0.05", "0.01"),
        ("0.09", "0.05", "0.00"),
        ("19.99", "0", "0.00"),
        ("1000000.00", "0.1035", "103500.00"),
    ],
)
def test_half_a_cent_goes_up(amount: str, rate: str, tax: str) -> None:
    assert tax_on(Decimal(amount), Decimal(rate)) == Decimal(tax)


@given(st.decimals("0", "1000000", places=2), st.decimals("0", "0.5", places=6))
def test_tax_is_within_half_a_cent_of_exact(amount: Decimal, rate: Decimal) -> None:
    assert abs(tax_on(amount, rate) - amount * rate) <= Decimal("0.005")


def test_a_locality_goes_before_its_state_and_a_later_rule_before_an_earlier(clinic: Clinic) -> None:
    clinic.tax("retail", "0.1025", locality="Pasadena")
    clinic.tax("retail", "0.11", effective_from="2027-01-01")
    there = clinic.at(clinic.other_site)
    assert clinic.send(charge("p", item_class="retail"), scope=there).status_code == 201
    account = clinic.as_("biller", there).get("/unbilled").json["items"][0]["account_id"]
    preview = clinic.as_("biller", there).post("/invoices/preview", json={"account_id": account}).json
    assert preview["tax"] == "10.25"
    here = clinic.account(charge("s", item_class="retail"))
    with clock.frozen(datetime(2027, 1, 1, 7, 59, tzinfo=UTC)):
        assert clinic.as_("biller").post("/invoices/preview", json={"account_id": here}).json["tax"] == "9.50"
    with clock.frozen(datetime(2027, 1, 1, 8, tzinfo=UTC)):
        assert clinic.as_("biller").post("/invoices/preview", json={"account_id": here}).json["tax"] == "11.00"


def test_a_correction_of_the_same_day_is_a_revision_and_saying_it_again_is_not(clinic: Clinic) -> None:
    first = clinic.tax("drug", "0.01")
    again, corrected = clinic.tax("drug", "0.01"), clinic.tax("drug", "0")
    assert first.json["id"] == again.json["id"]
    assert (corrected.json["revision"], corrected.json["rate"]) == (2, "0")
    account = clinic.account(charge("a", item_class="drug"))
    assert clinic.as_("biller").post("/invoices/preview", json={"account_id": account}).json["tax"] == "0.00"
    listed = clinic.as_("biller").get("/tax-rules?state=CA").json["items"]
    assert [(each["item_class"], each["revision"]) for each in listed][:2] == [("drug", 2), ("drug", 1)]
    assert clinic.as_("biller").get("/tax-rules?state=NY").json["items"] == []


@pytest.mark.parametrize(
    "change",
    [{"rate": "1"}, {"rate": "-0.1"}, {"rate": 0.05}, {"state": "California"}, {"item_class": "x"}, {"source": ""}],
)
def test_a_rule_that_makes_no_sense_is_refused(clinic: Clinic, change: dict[str, object]) -> None:
    body = {"item_class": "drug", "rate": "0.05", **change}
    assert clinic.tax(**body).status_code == 422  # type: ignore[arg-type]
