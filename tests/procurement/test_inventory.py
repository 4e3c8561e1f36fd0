"""Stock: the sum of its moves, never negative, the first to expire first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared import clock
from shared.contracts.procurement import StockMoved
from shared.ids import new_id
from shared.tenancy import Scope
from tests.procurement.shop import Shop, delivered, key, site_day
from tests.support.callers import Answer

EARLY, LATE = site_day() + timedelta(days=10), site_day() + timedelta(days=300)


@pytest.fixture
def filled(stocked: Shop) -> Shop:
    """1,000 units of lot LATE and 500 of lot EARLY, received in that order; ten reams of paper."""
    stocked.approve_item("NTX-100")
    order = stocked.order(stocked.line("NTX-100", "1.5", "box"))
    line = order["lines"][0]
    stocked.receive(order, "1", delivered(line, "1", "LATE", str(LATE)), delivered(line, "0.5", "EARLY", str(EARLY)))
    stocked.receive(stocked.order(stocked.line("PAPER", "2", "carton")), "2")
    return stocked


def use(shop: Shop, quantity: str, unit: str = "unit", sku: str = "NTX-100", **more: Any) -> Answer:
    body = {"item_id": shop.items[sku], "quantity": quantity, "unit": unit, **more}
    return shop.as_("provider").post("/stock/usage", json=body, headers=key())


def on_hand(shop: Shop, sku: str = "NTX-100") -> dict[str, str]:
    rows = shop.as_("provider").get(f"/stock?item_id={shop.items[sku]}").json["items"]
    return {row["lot"]: row["quantity"] for row in rows}


def test_the_lot_that_expires_first_is_suggested_and_taken_first(filled: Shop) -> None:
    query = f"/stock/picks?item_id={filled.items['NTX-100']}&quantity=6&unit=vial"
    picks = filled.as_("provider").get(query).json["picks"]
    assert [(pick["lot"], pick["quantity"]) for pick in picks] == [("EARLY", "500"), ("LATE", "100")]
    used = use(filled, "6", "vial")
    assert [(move["lot"], move["quantity"], move["value"]) for move in used.json["moves"]] == [
        ("EARLY", "-500", "-2400.00"),
        ("LATE", "-100", "-480.00"),
    ]
    assert on_hand(filled) == {"LATE": "900"}


def test_usage_is_told_with_its_value_in_the_books_of_the_owner(filled: Shop) -> None:
    use(filled, "1", "ream", "PAPER")
    [told] = filled.told("procurement.stock.moved")
    event = told.event()
    assert isinstance(event, StockMoved)
    # The management company bought the paper, so it is its stock.
    assert (event.legal_entity_id, event.value, event.reason) == (filled.mso, Decimal("-8.00"), "usage")


def test_nobody_takes_more_than_there_is(filled: Shop) -> None:
    refused = use(filled, "1501")
    assert (refused.status_code, refused.json["type"].rsplit("#")[-1]) == (409, "not-enough-stock")
    assert use(filled, "501", lot="EARLY").status_code == 409
    assert on_hand(filled) == {"EARLY": "500", "LATE": "1000"}


def test_many_hands_at_once_never_take_stock_below_zero(filled: Shop) -> None:
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: use(filled, "400"), range(6)))
    assert statuses == [201, 201, 201, 409, 409, 409]
    assert on_hand(filled) == {"LATE": "300"}


def test_a_lot_is_usable_through_its_expiry_day_at_the_site(filled: Shop) -> None:
    with clock.frozen(clock.now() + timedelta(days=10)):
        assert use(filled, "1", lot="EARLY").status_code == 201
    with clock.frozen(clock.now() + timedelta(days=11)):
        refused = use(filled, "1", lot="EARLY")
        assert refused.json["type"].rsplit("#")[-1] == "lot-expired"
        assert use(filled, "1").json["moves"][0]["lot"] == "LATE"


def test_expired_stock_is_wasted_before_a_witness(filled: Shop) -> None:
    manager = filled.as_("location_manager")
    body = {"item_id": filled.items["NTX-100"], "quantity": "499", "unit": "unit", "lot": "EARLY", "note": "Expired."}
    with clock.frozen(clock.now() + timedelta(days=11)):
        assert manager.post("/stock/waste", json=body, headers=key()).status_code == 403
        alone = {**body, "witnessed_by": str(manager.principal_id)}
        assert manager.post("/stock/waste", json=alone, headers=key()).status_code == 403
        wasted = manager.post("/stock/waste", json={**body, "witnessed_by": str(new_id())}, headers=key())
    assert wasted.status_code == 201
    assert on_hand(filled)["EARLY"] == "1"


def test_an_empty_lot_is_worth_nothing(filled: Shop) -> None:
    for quantity in ("333", "333", "333", "1"):
        assert use(filled, quantity, lot="LATE").status_code == 201
    moves = filled.as_("location_manager").get(f"/stock/moves?item_id={filled.items['NTX-100']}").json["items"]
    assert sum(Decimal(move["value"]) for move in moves if move["lot"] == "LATE") == 0
    assert on_hand(filled) == {"EARLY": "500"}


def test_a_count_sets_what_is_on_hand(filled: Shop) -> None:
    manager = filled.as_("location_manager")
    body = {"item_id": filled.items["NTX-100"], "lot": "LATE", "counted": "990", "note": "Monthly count."}
    counted = manager.post("/counts", json=body, headers=key())
    assert [(move["quantity"], move["value"]) for move in counted.json["moves"]] == [("-10", "-48.00")]
    assert manager.post("/counts", json=body, headers=key()).json["moves"] == []
    found = manager.post("/counts", json={**body, "counted": "1000"}, headers=key())
    assert found.json["moves"][0]["value"] == "48.00"
    assert on_hand(filled)["LATE"] == "1000"


def test_a_lot_nobody_knew_is_counted_with_its_expiry_and_a_cost(filled: Shop) -> None:
    manager = filled.as_("location_manager")
    body = {"item_id": filled.items["NTX-100"], "lot": "NEW", "counted": "100"}
    assert manager.post("/counts", json=body, headers=key()).status_code == 422
    counted = manager.post("/counts", json={**body, "expires_on": str(LATE)}, headers=key())
    assert counted.json["moves"][0]["value"] == "480.00"
    gloves = {"item_id": filled.items["GLV-M"], "counted": "100"}
    assert manager.post("/counts", json=gloves, headers=key()).json["type"].rsplit("#")[-1] == "cost-unknown"
    priced = manager.post("/counts", json={**gloves, "unit_cost": "0.125"}, headers=key())
    assert (priced.status_code, priced.json["moves"][0]["value"]) == (201, "12.50")


def test_the_same_key_uses_stock_once(filled: Shop) -> None:
    nurse, headers = filled.as_("provider"), key()
    body = {"item_id": filled.items["NTX-100"], "quantity": "20", "unit": "unit"}
    nurse.post("/stock/usage", json=body, headers=headers)
    assert nurse.post("/stock/usage", json=body, headers=headers).headers["Idempotent-Replayed"] == "true"
    assert on_hand(filled)["EARLY"] == "480"
    assert nurse.post("/stock/usage", json=body).status_code == 400


def test_a_quantity_that_is_not_exact_in_base_units_is_refused(filled: Shop) -> None:
    sku = {"sku": "KIT", "name": "Kit", "item_class": "business", "unit_chain": "case > 1/3 pallet"}
    filled.item(sku, "9.00")
    assert filled.draft(filled.line("KIT", "1", "case")).status_code == 409
    assert filled.draft(filled.line("KIT", "3", "case")).json["lines"][0]["base_quantity"] == "1"


def test_stock_is_seen_by_its_site_and_the_office_by_pages(filled: Shop) -> None:
    assert filled.as_("provider", filled.at(filled.second)).get("/stock").json["items"] == []
    office = filled.as_("network_buyer", Scope(filled.organization_id, "network"))
    rows: list[dict[str, Any]] = []
    path = "/stock?limit=2"
    while path:
        page = office.get(path).json
        rows += page["items"]
        path = f"/stock?limit=2&cursor={page['next']}" if page["next"] else ""
    assert sorted((row["sku"], row["lot"]) for row in rows) == [
        ("NTX-100", "EARLY"),
        ("NTX-100", "LATE"),
        ("PAPER", ""),
    ]
    assert {UUID(row["location_id"]) for row in rows} == {filled.site}
