"""Receipts: in parts, with lots, counted once, never beyond what was ordered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.procurement import ReceiptPosted
from tests.procurement.shop import Shop, delivered, key, site_day

SOON = str(site_day() + timedelta(days=200))


@pytest.fixture
def order(stocked: Shop) -> dict[str, Any]:
    """Two boxes of neurotoxin, one order."""
    stocked.approve_item("NTX-100")
    return stocked.order(stocked.line("NTX-100", "2", "box"))


def test_an_order_is_received_in_parts_by_lot(stocked: Shop, order: dict[str, Any]) -> None:
    line = order["lines"][0]
    first = stocked.receive(order, "PS-1", delivered(line, "1", "A1", SOON))
    assert (first.status_code, first.json["amount"]) == (201, "4800.00")
    assert first.json["number"] == f"GR-{site_day().year}-000001"
    seen = stocked.as_("location_manager").get(f"/orders/{order['id']}").json
    assert (seen["status"], seen["lines"][0]["received"]) == ("partly_received", "1000")
    stocked.receive(order, "PS-2", delivered(line, "0.5", "A1", SOON), delivered(line, "0.5", "B2", SOON))
    assert stocked.as_("location_manager").get(f"/orders/{order['id']}").json["status"] == "received"
    on_hand = stocked.as_("provider").get("/stock").json["items"]
    assert [(row["lot"], row["quantity"], row["unit"], row["value"]) for row in on_hand] == [
        ("A1", "1500", "unit", "7200.00"),
        ("B2", "500", "unit", "2400.00"),
    ]


def test_the_event_tells_the_books_what_arrived(stocked: Shop, order: dict[str, Any]) -> None:
    receipt = stocked.receive(order, "PS-1", delivered(order["lines"][0], "2", "A1", SOON)).json
    [told] = stocked.told("procurement.receipt.posted")
    event = told.event()
    assert isinstance(event, ReceiptPosted)
    assert (str(event.receipt_id), event.amount) == (receipt["id"], Decimal("9600.00"))
    assert (event.legal_entity_id, event.location_id, event.order_number) == (stocked.ca, stocked.site, order["number"])
    [line] = event.lines
    assert (line.quantity, line.lot, str(line.expires_on)) == (Decimal(2000), "A1", SOON)
    assert sum(line.amount for line in event.lines) == event.amount


def test_the_same_slip_by_accident_twice_counts_once(stocked: Shop, order: dict[str, Any]) -> None:
    line = delivered(order["lines"][0], "1", "A1", SOON)
    first = stocked.receive(order, "ps  77", line)
    again = stocked.receive(order, " PS 77", line)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert len(stocked.told("procurement.receipt.posted")) == 1
    assert stocked.as_("provider").get("/stock").json["items"][0]["quantity"] == "1000"


def test_the_same_slip_counts_once_even_when_the_order_is_complete(stocked: Shop, order: dict[str, Any]) -> None:
    line = delivered(order["lines"][0], "2", "A1", SOON)
    stocked.receive(order, "PS-1", line)
    assert stocked.receive(order, "PS-1", line).status_code == 200
    assert stocked.receive(order, "PS-2", line).status_code == 409


def test_a_slip_with_other_contents_is_refused(stocked: Shop, order: dict[str, Any]) -> None:
    stocked.receive(order, "PS-1", delivered(order["lines"][0], "1", "A1", SOON))
    refused = stocked.receive(order, "PS-1", delivered(order["lines"][0], "1", "B2", SOON))
    assert (refused.status_code, refused.json["type"].rsplit("#")[-1]) == (409, "packing-slip-reused")


def test_a_retry_with_the_same_key_replays(stocked: Shop, order: dict[str, Any]) -> None:
    clerk, headers = stocked.as_("front_desk"), key()
    line = delivered(order["lines"][0], "1", "A1", SOON)
    first = stocked.receive(order, "PS-1", line, caller=clerk, **headers)
    again = stocked.receive(order, "PS-1", line, caller=clerk, **headers)
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")


def test_a_receipt_without_a_key_is_refused(stocked: Shop, order: dict[str, Any]) -> None:
    body = {"packing_slip": "PS-1", "lines": [delivered(order["lines"][0], "1", "A1", SOON)]}
    assert stocked.as_("front_desk").post(f"/orders/{order['id']}/receipts", json=body).status_code == 400


def test_two_clerks_scanning_one_slip_at_once_count_once(stocked: Shop, order: dict[str, Any]) -> None:
    line = delivered(order["lines"][0], "1", "A1", SOON)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stocked.receive(order, "PS-1", line), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json["id"] for answer in answers}) == 1


def test_deliveries_at_once_never_exceed_the_order(stocked: Shop, order: dict[str, Any]) -> None:
    line = delivered(order["lines"][0], "0.7", "A1", SOON)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: stocked.receive(order, f"PS-{i}", line), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert stocked.as_("provider").get("/stock").json["items"][0]["quantity"] == "1400"


def test_over_receipt_is_allowed_up_to_the_tolerance(stocked: Shop) -> None:
    order = stocked.order(stocked.line("PAPER", "10", "carton"))
    line = order["lines"][0]
    controller = stocked.office("controller")
    body = {"over_receipt": "0.1", "bill_price": "0.02", "extra_charges": "0.1"}
    assert stocked.receive(order, "PS-1", delivered(line, "11")).status_code == 409
    changed = controller.put("/tolerances", json=body, headers={"If-Match": '"0"'})
    assert (changed.status_code, changed.json["over_receipt"]) == (200, "0.1")
    assert stocked.receive(order, "PS-1", delivered(line, "11.000001")).status_code == 409
    received = stocked.receive(order, "PS-1", delivered(line, "11"))
    assert (received.status_code, received.json["amount"]) == (201, "440.00")


def test_parts_sum_to_the_price_of_the_whole(stocked: Shop) -> None:
    stocked.price("PAPER", "10.0000", "ream")
    stocked.price("PAPER", "3.3333", "ream", "2026-02-01")
    order = stocked.order(stocked.line("PAPER", "3", "ream"))
    amounts = [stocked.receive(order, f"PS-{i}", delivered(order["lines"][0], "1")).json["amount"] for i in range(3)]
    assert order["total"] == "10.00"
    assert sum(Decimal(amount) for amount in amounts) == Decimal("10.00")


def test_lot_and_expiry_are_needed_for_lot_tracked_items_only(stocked: Shop, order: dict[str, Any]) -> None:
    line = order["lines"][0]
    for lot, expires_on in ((None, None), ("A1", None), (None, SOON)):
        refused = stocked.receive(order, "PS-1", delivered(line, "1", lot, expires_on))
        assert (refused.status_code, refused.json["type"].rsplit("#")[-1]) == (422, "lot-required")
    paper = stocked.order(stocked.line("PAPER", "1", "carton"))
    assert stocked.receive(paper, "PS-1", delivered(paper["lines"][0], "1", "A1", SOON)).status_code == 422


def test_expired_goods_are_refused_at_the_door_and_a_lot_has_one_expiry(stocked: Shop, order: dict[str, Any]) -> None:
    line = order["lines"][0]
    yesterday, today = str(site_day() - timedelta(days=1)), str(site_day())
    assert stocked.receive(order, "PS-1", delivered(line, "1", "A1", yesterday)).status_code == 409
    assert stocked.receive(order, "PS-1", delivered(line, "1", "A1", today)).status_code == 201
    refused = stocked.receive(order, "PS-2", delivered(line, "1", "A1", SOON))
    assert refused.json["type"].rsplit("#")[-1] == "lot-expiry-differs"


def test_a_scanned_code_fills_lot_and_expiry(stocked: Shop, order: dict[str, Any]) -> None:
    line = {"order_line_id": order["lines"][0]["id"], "quantity": "1", "scan": "010952012345678810LOT9\x1d17281231"}
    received = stocked.receive(order, "PS-1", line)
    assert received.status_code == 201, received.json
    assert received.json["lines"][0]["lot"] == "LOT9"
    assert received.json["lines"][0]["expires_on"] == "2028-12-31"
    other = stocked.receive(order, "PS-2", {**line, "scan": "010950600013435210LOT9\x1d17281231"})
    assert other.json["type"].rsplit("#")[-1] == "wrong-scan"
    misread = stocked.receive(order, "PS-2", {**line, "scan": "010950600013435310LOT9\x1d17281231"})
    assert misread.json["type"].rsplit("#")[-1] == "unreadable-scan"
    assert stocked.receive(order, "PS-2", {**line, "scan": "not a code at all"}).status_code == 422


def test_goods_are_not_received_tomorrow_or_for_a_cancelled_order(stocked: Shop) -> None:
    order = stocked.order(stocked.line("PAPER", "1", "carton"))
    clerk = stocked.as_("front_desk")
    body = {"packing_slip": "1", "received_on": str(site_day() + timedelta(days=1))}
    lines = {"lines": [delivered(order["lines"][0], "1")]}
    assert clerk.post(f"/orders/{order['id']}/receipts", json=body | lines, headers=key()).status_code == 422
    stocked.as_("network_buyer").post(f"/orders/{order['id']}/cancellation", json={"reason": "Not needed."})
    assert stocked.receive(order, "PS-1").status_code == 409


def test_another_site_cannot_receive_it(stocked: Shop, order: dict[str, Any]) -> None:
    stranger = stocked.as_("front_desk", stocked.at(stocked.second))
    line = delivered(order["lines"][0], "1", "A1", SOON)
    assert stocked.receive(order, "PS-1", line, caller=stranger, **key()).status_code == 404
