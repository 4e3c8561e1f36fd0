"""Vendors' bills: matched three ways, held, corrected, approved once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.procurement import VendorBillApproved, VendorBillHeld
from tests.procurement.shop import Shop, billed, delivered, key


@pytest.fixture
def order(stocked: Shop) -> dict[str, Any]:
    """Ten cartons of paper at 40.00, all received."""
    order = stocked.order(stocked.line("PAPER", "10", "carton"))
    assert stocked.receive(order, "PS-1").status_code == 201
    return order


def priced(order: dict[str, Any], number: str, price: str, quantity: str = "10") -> dict[str, Any]:
    total = f"{Decimal(price) * Decimal(quantity):.2f}"
    line = {"order_line_id": order["lines"][0]["id"], "quantity": quantity, "unit_price": price}
    return {"order_id": order["id"], "number": number, "billed_on": "2026-11-20", "total": total, "lines": [line]}


def approve(shop: Shop, bill: dict[str, Any], **changes: Any) -> Any:
    return shop.as_("controller", **changes).post(f"/bills/{bill['id']}/approval", headers=key())


def test_a_bill_that_matches_is_approved_and_told_to_the_books(stocked: Shop, order: dict[str, Any]) -> None:
    bill = stocked.bill(order, "inv  7", freight="5.00", tax="30.00", total="435.00")
    assert (bill.status_code, bill.json["status"], bill.json["number"]) == (201, "matched", "INV 7")
    assert bill.json["due_on"] == "2026-12-20"
    approved = approve(stocked, bill.json)
    assert (approved.status_code, approved.json["status"], approved.json["accrued"]) == (200, "approved", "400.00")
    [told] = stocked.told("procurement.vendor_bill.approved")
    event = told.event()
    assert isinstance(event, VendorBillApproved)
    assert (event.total, event.accrued, event.legal_entity_id) == (Decimal("435.00"), Decimal("400.00"), stocked.mso)


def test_a_price_beyond_tolerance_is_held_then_corrected_then_approved(stocked: Shop, order: dict[str, Any]) -> None:
    clerk = stocked.as_("biller")
    held = clerk.post("/bills", json=priced(order, "A-1", "41.00"), headers=key())
    assert (held.status_code, held.json["status"]) == (201, "held")
    assert [hold["code"] for hold in held.json["holds"]] == ["price"]
    [told] = stocked.told("procurement.vendor_bill.held")
    event = told.event()
    assert isinstance(event, VendorBillHeld)
    assert "41.00 per carton billed, 40.00 ordered" in event.reasons[0]
    refused = approve(stocked, held.json)
    assert (refused.status_code, refused.json["type"].rsplit("#")[-1]) == (409, "bill-held")
    body = {name: value for name, value in priced(order, "A-1", "40.50").items() if name != "order_id"}
    path = f"/bills/{held.json['id']}"
    assert clerk.put(path, json=body).status_code == 428
    assert clerk.put(path, json=body, headers={"If-Match": '"7"'}).status_code == 412
    corrected = clerk.put(path, json=body, headers={"If-Match": held.headers["ETag"]})
    assert (corrected.json["status"], corrected.json["revision"]) == ("matched", 2)
    assert approve(stocked, corrected.json).json["status"] == "approved"
    [version] = clerk.get(f"{path}/versions").json["items"]
    assert (version["revision"], version["total"], version["holds"][0]["code"]) == (1, "410.00", "price")


def test_what_was_not_received_is_held_until_it_is(stocked: Shop) -> None:
    order = stocked.order(stocked.line("PAPER", "10", "carton"))
    line = order["lines"][0]
    stocked.receive(order, "PS-1", delivered(line, "6"))
    bill = stocked.bill(order, "B-1").json
    assert [hold["code"] for hold in bill["holds"]] == ["quantity"]
    assert "10 carton billed, 6 received" in bill["holds"][0]["detail"]
    controller = stocked.as_("controller")
    refused = controller.post(f"/bills/{bill['id']}/release", json={"reason": "Trust them."})
    assert refused.json["type"].rsplit("#")[-1] == "not-releasable"
    assert controller.post(f"/bills/{bill['id']}/match").json["status"] == "held"
    assert len(stocked.told("procurement.vendor_bill.held")) == 1
    stocked.receive(order, "PS-2", delivered(line, "4"))
    assert controller.post(f"/bills/{bill['id']}/match").json["status"] == "matched"
    assert approve(stocked, bill).json["accrued"] == "400.00"


def test_a_held_price_is_released_with_a_reason_by_somebody_else(stocked: Shop, order: dict[str, Any]) -> None:
    clerk = stocked.as_("biller")
    bill = clerk.post("/bills", json=priced(order, "A-1", "45.00"), headers=key()).json
    assert clerk.post(f"/bills/{bill['id']}/release", json={"reason": "x"}).status_code == 403
    released = stocked.as_("controller").post(f"/bills/{bill['id']}/release", json={"reason": "Agreed by phone."})
    assert (released.json["status"], released.json["release_reason"]) == ("matched", "Agreed by phone.")
    approved = approve(stocked, bill)
    assert (approved.json["status"], approved.json["total"], approved.json["accrued"]) == (
        "approved",
        "450.00",
        "400.00",
    )


def test_a_release_does_not_cover_a_later_correction(stocked: Shop, order: dict[str, Any]) -> None:
    bill = stocked.as_("biller").post("/bills", json=priced(order, "A-1", "45.00"), headers=key()).json
    released = stocked.as_("controller").post(f"/bills/{bill['id']}/release", json={"reason": "ok"})
    body = {name: value for name, value in priced(order, "A-1", "50.00").items() if name != "order_id"}
    corrected = stocked.as_("biller").put(
        f"/bills/{bill['id']}", json=body, headers={"If-Match": released.headers["ETag"]}
    )
    assert (corrected.json["status"], corrected.json["released_by"]) == ("held", None)


def test_freight_and_tax_beyond_their_share_are_held(stocked: Shop, order: dict[str, Any]) -> None:
    bill = stocked.bill(order, "C-1", freight="40.01", total="440.01")
    assert [hold["code"] for hold in bill.json["holds"]] == ["charges"]
    assert stocked.bill(order, "C-2", freight="40.00", total="440.00").json["status"] == "matched"


def test_a_vendors_number_is_entered_once(stocked: Shop, order: dict[str, Any]) -> None:
    first = stocked.bill(order, "X-1")
    again = stocked.bill(order, " x-1 ")
    assert (again.status_code, again.json["type"].rsplit("#")[-1]) == (409, "bill-known")
    stocked.as_("biller").post(f"/bills/{first.json['id']}/cancellation")
    assert stocked.bill(order, "X-1").status_code == 201


def test_one_number_entered_twice_at_once_is_one_bill(stocked: Shop, order: dict[str, Any]) -> None:
    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: stocked.bill(order, "X-1"), range(3)))
    assert statuses == [201, 409, 409]


def test_two_bills_do_not_clear_the_same_goods(stocked: Shop, order: dict[str, Any]) -> None:
    assert stocked.bill(order, "X-1").json["status"] == "matched"
    assert [hold["code"] for hold in stocked.bill(order, "X-2").json["holds"]] == ["quantity"]


def test_partial_bills_together_clear_what_was_accrued(stocked: Shop) -> None:
    stocked.price("PAPER", "3.3333", "ream")
    order = stocked.order(stocked.line("PAPER", "3", "ream"))
    stocked.receive(order, "1", delivered(order["lines"][0], "2"))
    stocked.receive(order, "2", delivered(order["lines"][0], "1"))
    cleared = Decimal(0)
    for number in range(3):
        bill = stocked.as_("biller").post("/bills", json=priced(order, f"P-{number}", "3.33", "1"), headers=key()).json
        cleared += Decimal(approve(stocked, bill).json["accrued"])
    assert cleared == Decimal("10.00")


def test_who_entered_a_bill_does_not_approve_it_nor_anyone_above_their_limit(
    stocked: Shop, order: dict[str, Any]
) -> None:
    controller = stocked.as_("controller")
    bill = stocked.bill(order, "X-1", caller=controller).json
    assert controller.post(f"/bills/{bill['id']}/approval", headers=key()).status_code == 403
    assert approve(stocked, bill, limits={"approval": Decimal("399.99")}).json["limit"] == "399.99"
    assert approve(stocked, bill, limits={}).status_code == 403
    assert approve(stocked, bill).status_code == 200


def test_approving_at_once_makes_it_payable_once(stocked: Shop, order: dict[str, Any]) -> None:
    bill = stocked.bill(order, "X-1").json
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: approve(stocked, bill), range(4)))
    assert statuses == [200, 409, 409, 409]
    assert len(stocked.told("procurement.vendor_bill.approved")) == 1
    clerk = stocked.as_("biller")
    assert clerk.post(f"/bills/{bill['id']}/cancellation").status_code == 409


def test_a_bill_that_does_not_add_up_or_names_foreign_lines_is_refused(stocked: Shop, order: dict[str, Any]) -> None:
    assert stocked.bill(order, "X-1", total="399.99").json["type"].rsplit("#")[-1] == "bill-does-not-add-up"
    other = stocked.order(stocked.line("PAPER", "1", "carton"))
    foreign = {**billed(order, "X-1"), "lines": billed(other, "X")["lines"], "total": "40.00"}
    refused = stocked.as_("biller").post("/bills", json={"order_id": order["id"], **foreign}, headers=key())
    assert refused.json["type"].rsplit("#")[-1] == "no-such-line"


def test_a_day_out_of_this_century_is_refused(stocked: Shop, order: dict[str, Any]) -> None:
    assert stocked.bill(order, "X-1", billed_on="9999-12-31").status_code == 422
    entry = stocked.approve_item("NTX-100")
    director = stocked.as_("medical_director", stocked.entity())
    assert director.post(f"/formulary/{entry['id']}/withdrawal", json={"from_day": "0001-01-01"}).status_code == 422


def test_another_site_sees_no_bill(stocked: Shop, order: dict[str, Any]) -> None:
    bill = stocked.bill(order, "X-1").json
    stranger = stocked.as_("controller", stocked.at(stocked.second))
    assert stranger.get(f"/bills/{bill['id']}").status_code == 404
    assert stranger.get("/bills").json["items"] == []
    assert stranger.post(f"/bills/{bill['id']}/approval", headers=key()).status_code == 404
