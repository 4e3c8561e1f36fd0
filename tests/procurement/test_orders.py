"""Purchase orders: one per buyer and vendor, changed only by a new version; spend from their totals."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared import clock
from shared.contracts.procurement import OrderRevised
from shared.tenancy import Scope
from tests.procurement.shop import Shop, delivered, site_day


@pytest.fixture
def order(stocked: Shop) -> dict[str, Any]:
    """Ten cartons of paper at 40.00."""
    return stocked.order(stocked.line("PAPER", "10", "carton"))


def revise(
    shop: Shop, order: dict[str, Any], tag: str | None = None, role: str = "network_buyer", **change: str
) -> Any:
    body = {"reason": "Agreed with the vendor.", "lines": [{"order_line_id": order["lines"][0]["id"], **change}]}
    headers = {"If-Match": tag or f'"{order["version"]}"'}
    return shop.as_(role).post(f"/orders/{order['id']}/revisions", json=body, headers=headers)


def test_the_document_is_a_pdf_with_the_orders_number(stocked: Shop, order: dict[str, Any]) -> None:
    caller = stocked.as_("location_manager")
    answer = caller.get(f"/orders/{order['id']}/document")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.get_data().startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{order["number"]}-v1.pdf"'
    assert caller.get(f"/orders/{order['id']}/document").get_data() == answer.get_data()


def test_the_document_survives_names_its_fonts_do_not_know(shop: Shop) -> None:
    shop.item(
        {
            "sku": "TEA",
            "name": "緑茶 \u2013 \u201cSencha\u201d " + "x" * 150,
            "item_class": "business",
            "unit_chain": "bag",
        }
    )
    order = shop.order(*(shop.line("TEA", str(n), "bag") for n in range(1, 60)))
    assert shop.as_("auditor").get(f"/orders/{order['id']}/document").get_data().startswith(b"%PDF-")


def test_each_vendor_gets_its_own_order_with_the_next_number(stocked: Shop) -> None:
    other = stocked.office().post("/vendors", json={"code": "CHEAP", "name": "Cheap Goods"}).json["id"]
    stocked.price("GLV-M", "11.00", "box", vendor_id=other, vendor_sku="CG-7")
    approved = stocked.approve_item("NTX-100")
    assert approved["status"] == "approved"
    drafted = stocked.draft(stocked.line("GLV-M", "1", "box"), stocked.line("NTX-100", "0.5", "box"), submit=True)
    stocked.as_("network_buyer").post(f"/requisitions/{drafted.json['id']}/approval")
    orders = stocked.orders(drafted.json["id"])
    assert sorted(order["number"][-6:] for order in orders) == ["000001", "000002"]
    ordered = {order["vendor_name"]: (order["total"], order["lines"][0]["vendor_sku"]) for order in orders}
    assert ordered == {"Cheap Goods": ("11.00", "CG-7"), "Meridian Medical Supply": ("2400.00", None)}


def test_nothing_new_is_ordered_from_a_blocked_vendor(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), submit=True)
    vendor = stocked.network().get("/vendors").json["items"][0]
    facts = {name: vendor[name] for name in ("code", "name", "terms_days")}
    blocked = stocked.office().put(
        f"/vendors/{vendor['id']}", json={**facts, "status": "blocked"}, headers={"If-Match": f'"{vendor["version"]}"'}
    )
    assert blocked.json["status"] == "blocked"
    refused = stocked.as_("network_buyer").post(f"/requisitions/{drafted.json['id']}/approval")
    assert refused.json["type"].rsplit("#")[-1] == "vendor-blocked"
    assert stocked.draft(stocked.line("PAPER", "1", "carton")).status_code == 409


def test_an_order_changes_only_by_a_new_version_that_keeps_the_old(stocked: Shop, order: dict[str, Any]) -> None:
    revised = revise(stocked, order, quantity="12", unit_price="39.50")
    assert (revised.status_code, revised.json["revision"], revised.json["total"]) == (200, 2, "474.00")
    [kept] = stocked.as_("auditor").get(f"/orders/{order['id']}/revisions").json["items"]
    assert (kept["revision"], kept["total"], kept["reason"]) == (1, "400.00", "Agreed with the vendor.")
    [told] = stocked.told("procurement.order.revised")
    event = told.event()
    assert isinstance(event, OrderRevised)
    assert (event.revision, event.total) == (2, Decimal("474.00"))
    assert revise(stocked, order, quantity="13").status_code == 412


def test_a_revision_stays_within_the_limit_and_above_what_arrived(stocked: Shop, order: dict[str, Any]) -> None:
    assert revise(stocked, order, quantity="126").json["type"].rsplit("#")[-1] == "revision-above-limit"
    stocked.receive(order, "1", delivered(order["lines"][0], "6"))
    assert revise(stocked, order, '"2"', quantity="5").json["type"].rsplit("#")[-1] == "below-received"
    revised = revise(stocked, order, '"2"', quantity="6")
    assert (revised.status_code, revised.json["status"]) == (200, "received")


def test_the_requester_does_not_revise_the_order(stocked: Shop) -> None:
    manager = stocked.as_("network_buyer")
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager, submit=True)
    stocked.as_("controller").post(f"/requisitions/{drafted.json['id']}/approval")
    [order] = stocked.orders(drafted.json["id"])
    body = {"reason": "x", "lines": [{"order_line_id": order["lines"][0]["id"], "quantity": "100"}]}
    refused = manager.post(f"/orders/{order['id']}/revisions", json=body, headers={"If-Match": '"1"'})
    assert refused.status_code == 403


def test_what_arrived_is_closed_and_what_did_not_is_cancelled(stocked: Shop, order: dict[str, Any]) -> None:
    buyer, reason = stocked.as_("network_buyer"), {"reason": "Discontinued."}
    assert buyer.post(f"/orders/{order['id']}/closure", json=reason).status_code == 409
    stocked.receive(order, "1", delivered(order["lines"][0], "6"))
    assert buyer.post(f"/orders/{order['id']}/cancellation", json=reason).status_code == 409
    closed = buyer.post(f"/orders/{order['id']}/closure", json=reason)
    assert (closed.json["status"], closed.json["closed_reason"]) == ("closed", "Discontinued.")
    assert stocked.receive(order, "2", delivered(order["lines"][0], "4")).status_code == 409
    second = stocked.order(stocked.line("PAPER", "1", "carton"))
    assert buyer.post(f"/orders/{second['id']}/cancellation", json=reason).json["status"] == "cancelled"
    assert len(stocked.told("procurement.order.closed")) == len(stocked.told("procurement.order.cancelled")) == 1


def test_the_spend_of_a_month_follows_its_orders(stocked: Shop) -> None:
    buyer, controller = stocked.as_("network_buyer"), stocked.as_("controller")
    month = site_day().replace(day=1)

    def spent() -> list[tuple[int, str]]:
        items = controller.get(f"/spend?first={month}&last={month}").json["items"]
        return [(row["orders"], row["total"]) for row in items]

    assert spent() == []
    order = stocked.order(stocked.line("PAPER", "3", "carton"))
    assert spent() == [(1, order["total"])]
    line = {"order_line_id": order["lines"][0]["id"], "quantity": "1"}
    revision = {"reason": "Fewer.", "lines": [line]}
    revised = buyer.post(f"/orders/{order['id']}/revisions", json=revision, headers={"If-Match": '"1"'})
    assert revised.json["total"] == "40.00" and spent() == [(1, "40.00")]
    buyer.post(f"/orders/{order['id']}/cancellation", json={"reason": "x"})
    assert spent() == []


def test_spend_by_site_and_month_leaves_cancelled_orders_out(stocked: Shop, order: dict[str, Any]) -> None:
    stocked.order(stocked.line("PAPER", "1", "carton"))
    cancelled = stocked.order(stocked.line("PAPER", "2", "carton"))
    stocked.as_("network_buyer").post(f"/orders/{cancelled['id']}/cancellation", json={"reason": "x"})
    with clock.frozen(clock.now() - timedelta(days=31)):
        stocked.order(stocked.line("PAPER", "3", "carton"), site=stocked.far)
    network = stocked.as_("controller", Scope(stocked.organization_id, "network"))
    first, month = site_day() - timedelta(days=60), site_day().replace(day=1)
    rows = network.get(f"/spend?first={first}&last={site_day()}").json["items"]
    assert {(row["location_id"], row["orders"], row["total"]) for row in rows} == {
        (str(stocked.site), 2, "440.00"),
        (str(stocked.far), 1, "120.00"),
    }
    site = stocked.as_("location_manager").get(f"/spend?first={month}&last={month}").json["items"]
    assert [(row["month"], row["total"]) for row in site] == [(str(month), "440.00")]
    assert network.get("/spend?first=2026-02-01&last=2026-01-01").status_code == 422
    assert network.get("/spend?first=2020-01-01&last=2026-01-01").status_code == 422
