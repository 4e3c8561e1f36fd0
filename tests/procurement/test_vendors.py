"""Vendors and catalogue: described once, priced by date, bank details under two people."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.procurement.shop import PAPER, TOXIN, Shop

DETAILS = {
    "account_name": "Meridian Medical Supply",
    "routing_number": "111000025",
    "account_number": "000123456789",
    "reason": "Letter of 2 November.",
}


def test_bank_details_change_only_under_two_people(shop: Shop) -> None:
    buyer, controller = shop.office("controller"), shop.office("controller")
    path = f"/vendors/{shop.vendor}/bank-changes"
    proposed = buyer.post(path, json=DETAILS)
    assert (proposed.status_code, proposed.json["status"]) == (201, "proposed")
    assert "000123456789" not in proposed.get_data(as_text=True)
    alone = buyer.post(f"{path}/{proposed.json['id']}/confirmation")
    assert (alone.status_code, alone.json["type"].rsplit("#")[-1]) == (403, "second-person-needed")
    assert buyer.post(path, json=DETAILS).status_code == 409
    assert controller.post(f"{path}/{proposed.json['id']}/confirmation").json["status"] == "confirmed"
    assert controller.post(f"{path}/{proposed.json['id']}/confirmation").status_code == 409
    vendor = shop.network().get(f"/vendors/{shop.vendor}").json
    assert (vendor["bank_account_ending"], vendor["bank_account_name"]) == ("6789", "Meridian Medical Supply")


def test_a_refused_change_leaves_the_old_details(shop: Shop) -> None:
    path = f"/vendors/{shop.vendor}/bank-changes"
    proposed = shop.office("controller").post(path, json=DETAILS)
    assert shop.office("controller").post(f"{path}/{proposed.json['id']}/refusal").json["status"] == "refused"
    assert shop.network().get(f"/vendors/{shop.vendor}").json["bank_account_ending"] is None
    assert len(shop.office("auditor").get(path).json["items"]) == 1


def test_a_change_of_one_vendor_is_not_confirmed_under_another(shop: Shop) -> None:
    proposed = shop.office().post(f"/vendors/{shop.vendor}/bank-changes", json=DETAILS).json
    other = shop.office().post("/vendors", json={"code": "OTHER", "name": "Other"}).json["id"]
    path = f"/vendors/{other}/bank-changes/{proposed['id']}/confirmation"
    assert shop.office("controller").post(path).status_code == 404


def test_wrong_bank_and_tax_numbers_are_refused(shop: Shop) -> None:
    wrong = {**DETAILS, "routing_number": "111000026"}
    assert shop.office().post(f"/vendors/{shop.vendor}/bank-changes", json=wrong).status_code == 422
    vendor = {"code": "TAX", "name": "Taxed", "tax_id": "07-1144442"}
    assert shop.office().post("/vendors", json=vendor).json["type"].rsplit("#")[-1] == "bad-tax-id"
    assert shop.office().post("/vendors", json={**vendor, "tax_id": "911144442"}).json["tax_id"] == "91-1144442"


def test_a_code_is_used_once_also_by_two_at_once(shop: Shop) -> None:
    with ThreadPoolExecutor(3) as pool:
        body = {"code": "TWICE", "name": "Twice"}
        statuses = sorted(pool.map(lambda _: shop.office().post("/vendors", json=body).status_code, range(3)))
    assert statuses == [201, 409, 409]


def test_a_change_that_changes_nothing_tells_nothing(shop: Shop) -> None:
    vendor = shop.network().get(f"/vendors/{shop.vendor}").json
    body = {name: vendor[name] for name in ("code", "name", "email", "state", "terms_days")}
    same = shop.office().put(f"/vendors/{shop.vendor}", json=body, headers={"If-Match": '"1"'})
    assert same.headers["ETag"] == '"1"'
    changed = shop.office().put(f"/vendors/{shop.vendor}", json={**body, "name": "M"}, headers={"If-Match": '"1"'})
    assert changed.headers["ETag"] == '"2"'
    assert [told.aggregateversion for told in shop.told("procurement.vendor.recorded")] == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit_chain": "box > many vial"},
        {"unit_chain": "box > 0 vial"},
        {"unit_chain": "box > 10 box"},
        {"unit_chain": "box > 999999 vial > 999999 unit"},
        {"gtin": "9520123456780"},
        {"item_class": "gadget"},
        {"sku": "no spaces"},
        {"sku": "NEWLINE\n"},
        {"lot_tracked": "yes"},
    ],
)
def test_an_item_that_is_described_wrongly_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    assert shop.office().post("/items", json=TOXIN | wrong).status_code == 422


def test_units_are_exact(shop: Shop) -> None:
    chain = "case > 5/2 box > 10 vial > 100 unit"
    item = shop.office().post("/items", json=TOXIN | {"unit_chain": chain}).json
    assert [(unit["name"], unit["in_base"]) for unit in item["units"]] == [
        ("case", "2500"),
        ("box", "1000"),
        ("vial", "100"),
        ("unit", "1"),
    ]


def test_the_price_of_the_day_is_found_never_guessed(shop: Shop) -> None:
    item = shop.office().post("/items", json=PAPER).json["id"]
    shop.items["PAPER"] = item
    line = shop.line("PAPER", "1", "carton")
    assert shop.draft(line).status_code == 409
    assert shop.price("PAPER", "1.00", "carton", "2026-01-01", ends_on="2026-01-31").status_code == 201
    assert shop.price("PAPER", "2.00", "carton", "2099-01-01").status_code == 201
    assert shop.draft(line).status_code == 409
    assert shop.price("PAPER", "40.00", "carton", "2026-02-01").status_code == 201
    assert shop.price("PAPER", "41.50", "carton", "2026-03-01").status_code == 201
    assert shop.draft(line).json["total"] == "41.50"
    assert shop.price("PAPER", "1.00", "pallet").json["type"].rsplit("#")[-1] == "unknown-unit"
    assert shop.price("PAPER", "1.00", "ream", "2026-03-01", ends_on="2026-02-01").status_code == 422
    assert shop.price("PAPER", "9.00", "carton", "2026-03-01").status_code == 409
    assert len(shop.network("auditor").get(f"/items/{item}/prices").json["items"]) == 4


def test_a_retired_item_is_not_ordered_and_its_base_unit_is_fixed(shop: Shop) -> None:
    shop.item(PAPER)
    path = f"/items/{shop.items['PAPER']}"
    other_base = PAPER | {"unit_chain": "carton > 2500 sheet"}
    assert shop.office().put(path, json=other_base, headers={"If-Match": '"1"'}).status_code == 409
    retired = shop.office().put(path, json=PAPER | {"status": "retired"}, headers={"If-Match": '"1"'})
    assert retired.json["status"] == "retired"
    refused = shop.draft(shop.line("PAPER", "1", "carton"))
    assert "retired" in refused.json["errors"][0]["detail"]


def test_items_are_found_by_name_class_and_gtin(shop: Shop) -> None:
    shop.item(PAPER)
    shop.item(TOXIN)
    clerk = shop.as_("front_desk")

    def found(query: str) -> list[str]:
        return [item["sku"] for item in clerk.get(f"/items?{query}").json["items"]]

    assert found("search=botulinum") == ["NTX-100"]
    assert found("search=%25") == []
    assert found("item_class=business") == ["PAPER"]
    assert found("gtin=09520123456788") == ["NTX-100"]
    assert clerk.get("/items?colour=red").status_code == 422
    assert shop.office().post("/items", json=TOXIN | {"sku": "COPY"}).status_code == 409


def test_tolerances_are_shares_and_change_by_version(shop: Shop) -> None:
    controller = shop.office("controller")
    read = controller.but(scope=shop.at()).get("/tolerances")
    assert (read.json["bill_price"], read.headers["ETag"]) == ("0.02", '"0"')
    body = {"over_receipt": "0.05", "bill_price": "0.01", "extra_charges": "0"}
    assert controller.put("/tolerances", json=body | {"bill_price": "1.5"}).status_code == 422
    assert controller.put("/tolerances", json=body).status_code == 428
    assert controller.put("/tolerances", json=body, headers={"If-Match": '"0"'}).headers["ETag"] == '"1"'
    assert controller.put("/tolerances", json=body, headers={"If-Match": '"0"'}).status_code == 412
