"""Buy: a need travels from a site through the wall to an order, a shelf, a bill, and the books."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from deploy.demo.stage import Stage


@dataclass
class Bought:
    """What later scenes look at."""

    requisition: dict[str, Any]
    orders: list[dict[str, Any]]
    bill: dict[str, Any]


def play(stage: Stage) -> Bought:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("1. Buy: a site in California needs a neurotoxin, gloves and paper")
    toxin, gloves, paper = choose(stage)
    approve_for_formulary(stage, [toxin, gloves])
    requisition = ask_and_approve(stage, [toxin, gloves, paper])
    order = receive_in_parts(stage, requisition, toxin)
    bill = match_the_bill(stage, order)
    return Bought(requisition, orders_of(stage, requisition), bill)


def choose(stage: Stage) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A neurotoxin that is not on the formulary yet, gloves, and paper."""
    dana = stage.person("dana.reyes")
    items = dana.all(stage.site("OAK", "procurement") + "/items")
    entries = dana.all(stage.site("OAK", "procurement") + "/formulary")
    taken = {entry["item_id"] for entry in entries if entry["status"] in ("approved", "proposed")}
    toxins = [item for item in items if item["item_class"] == "biologic"]
    toxin = _first(stage, toxins, "toxin", taken) or _first(stage, items, "filler", taken)
    stage.require(toxin is not None, "every neurotoxin and filler of the catalogue is on the formulary already")
    gloves, paper = _first(stage, items, "glove", set()), _first(stage, items, "paper", set())
    stage.require(gloves is not None and paper is not None, "the catalogue has gloves and paper")
    assert toxin and gloves and paper
    stage.tell(f"Dana Reyes, who runs Oakland, wants: {toxin['name']}; {gloves['name']}; {paper['name']}")
    return toxin, gloves, paper


def _first(stage: Stage, items: list[dict[str, Any]], word: str, taken: set[str]) -> dict[str, Any] | None:
    fitting = [item for item in items if word in item["name"].lower() and item["id"] not in taken]
    chosen = min(fitting, key=lambda item: item["sku"], default=None)
    return priced(stage, "dana.reyes", "OAK", chosen) if chosen else None


def priced(stage: Stage, key: str, site: str, item: dict[str, Any]) -> dict[str, Any]:
    """The item with the unit and the price it is bought at."""
    prices = stage.person(key, "business").all(f"{stage.site(site, 'procurement')}/items/{item['id']}/prices")
    price = min(prices, key=lambda found: Decimal(found["price"]))
    return {**item, "buy_unit": price["unit"], "buy_price": Decimal(price["price"])}


def need(item: dict[str, Any], quantity: str) -> dict[str, Any]:
    """A line that asks for `quantity` of the unit a vendor sells."""
    return {"item_id": item["id"], "quantity": quantity, "unit": item["buy_unit"]}


def approve_for_formulary(stage: Stage, items: list[dict[str, Any]]) -> None:
    """Refused without it; the buyer proposes, may not approve; the entity's own medical director does."""
    at, entity = stage.site("OAK", "procurement"), stage.entity("CA", "procurement")
    dana, priya, osei = stage.person("dana.reyes"), stage.person("priya.shah"), stage.person("dr.osei")
    toxin = items[0]
    draft = dana.call("POST", f"{at}/requisitions", {"lines": [need(toxin, "1")], "submit": True})
    stage.refused(
        draft, draft.status if 400 <= draft.status < 500 else 409, "Dana asks for the toxin alone", says="formulary"
    )
    entries = {entry["item_id"] for entry in dana.all(f"{at}/formulary") if entry["status"] == "approved"}
    for item in items:
        if item["id"] in entries:
            continue
        body = {"item_id": item["id"], "reason": "Requested by Oakland; priced at contract."}
        proposal = priya.call("POST", f"{entity}/formulary", body)
        stage.expect(proposal, 201, f"Priya Shah, the network buyer, proposes {item['name']} for the formulary")
        decision = f"{entity}/formulary/{proposal['id']}/decision"
        if item is toxin:
            own = priya.call("POST", decision, {"approved": True})
            stage.refused(own, 403, "Priya tries to approve it herself", policy="wall.reserved-decision")
            other = stage.person("dr.romano").call("POST", decision, {"approved": True})
            stage.refused(other, 404, "Dr. Romano, medical director in New York, tries to approve it")
        done = osei.call("POST", decision, {"approved": True, "note": "Fits our protocols."})
        stage.expect(done, 200, f"Dr. Osei, medical director of Lakeside Aesthetics PC, approves {item['name']}")


def ask_and_approve(stage: Stage, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Requester may not approve, an approver below the total may not, the next may."""
    at = stage.site("OAK", "procurement")
    dana, priya, gil = stage.person("dana.reyes"), stage.person("priya.shah"), stage.person("gil.fontaine")
    lines = [need(items[0], _enough(items[0])), need(items[1], "4"), need(items[2], "2")]
    body = {"lines": lines, "note": f"Month's supply {stage.tag}"}
    made = stage.expect(
        dana.call("POST", f"{at}/requisitions", body),
        201,
        "Dana drafts the requisition with all three",
        lambda drafted: f"{drafted['number']}, {drafted['total']} USD",
    )
    path = f"{at}/requisitions/{made['id']}"
    stage.expect(dana.call("POST", f"{path}/submission", {}), 200, "Dana submits it")
    stage.refused(dana.call("POST", f"{path}/approval", {}), 403, "Dana tries to approve her own request")
    stage.refused(
        priya.call("POST", f"{path}/approval", {}), 403, "Priya tries; the total is above her limit of 2,500.00"
    )
    approved = gil.call("POST", f"{path}/approval", {})
    stage.expect(approved, 200, "Gil Fontaine, the controller (limit 25,000.00), approves", lambda it: it["status"])
    again = gil.call("POST", f"{path}/approval", {})
    stage.require(again.status in (200, 409), f"approving twice: {again.status} {again.body}")
    neighbour = stage.person("lou.martin").call("GET", path)
    stage.refused(neighbour, 404, "Lou Martin of Brooklyn looks for Oakland's requisition: it does not exist for him")
    return dict(dana.get(path).body)


def _enough(item: dict[str, Any]) -> str:
    """So many that the total lies above the buyer's limit and below the controller's."""
    return str(max(2, int(Decimal(3000) / item["buy_price"]) + 1))


def orders_of(stage: Stage, requisition: dict[str, Any]) -> list[dict[str, Any]]:
    """The orders that came of a requisition, with their lines."""
    dana, at = stage.person("dana.reyes"), stage.site("OAK", "procurement")
    found = dana.all(f"{at}/orders", requisition_id=requisition["id"])
    return [dict(dana.get(f"{at}/orders/{order['id']}").body) for order in found]


def receive_in_parts(stage: Stage, requisition: dict[str, Any], toxin: dict[str, Any]) -> dict[str, Any]:
    """The toxin's order arrives in two parts; the second is scanned twice. Returns the order."""
    dana, finn, at = stage.person("dana.reyes"), stage.person("finn.hart"), stage.site("OAK", "procurement")
    orders = orders_of(stage, requisition)
    for order in orders:
        stage.tell(
            f"A purchase order goes out: {order['number']} to {order['vendor_name']}",
            f"in the name of {order['buyer_name']}, {order['total']} USD",
        )
    order = next(order for order in orders if any(line["item_id"] == toxin["id"] for line in order["lines"]))
    document = dana.get(f"{at}/orders/{order['id']}/document")
    stage.require(document.body[:5] == b"%PDF-", "the order can be downloaded as a PDF")
    stage.tell(f"Dana downloads {order['number']} as a PDF", f"{len(document.body)} bytes")
    for other in orders:
        first = other["id"] == order["id"]
        deliver(stage, other, part="half" if first else "all", slip=f"PS-{stage.tag}-{other['number'][-3:]}-1")
    slip = f"PS-{stage.tag}-{order['number'][-3:]}-2"
    deliver(stage, order, part="rest", slip=slip)
    twice = deliver(stage, order, part="rest", slip=slip, again=True)
    now = finn.get(f"{at}/orders/{order['id']}").body
    stage.require(
        all(Decimal(line["received"]) == Decimal(line["base_quantity"]) for line in now["lines"]),
        f"the second scan was counted: {now['lines']}",
    )
    stage.tell("Finn scans the second delivery again by accident", f"{twice} the same receipt, counted once")
    show_stock(stage, toxin)
    return dict(now)


def deliver(stage: Stage, order: dict[str, Any], *, part: str, slip: str, again: bool = False) -> int:
    """Receive half, the rest, or all of an order; returns the status."""
    finn, at = stage.person("finn.hart"), stage.site("OAK", "procurement")
    lines = []
    for line in order["lines"]:
        whole = Decimal(line["quantity"])
        half = (whole / 2).to_integral_value(rounding="ROUND_FLOOR") or whole
        quantity = {"half": half, "rest": whole - half, "all": whole}[part]
        if quantity > 0:
            arrived = {"order_line_id": line["id"], "quantity": str(quantity)}
            if finn.get(f"{at}/items/{line['item_id']}")["lot_tracked"]:
                expires = stage.today + timedelta(days=300 if part == "rest" else 200)
                arrived |= {"lot": f"L{stage.tag}{part[0]}".upper(), "expires_on": str(expires)}
            lines.append(arrived)
    body = {"packing_slip": slip, "lines": lines}
    answer = finn.call("POST", f"{at}/orders/{order['id']}/receipts", body, headers={"Idempotency-Key": str(uuid4())})
    if not again:
        words = f"Finn Hart at the front desk receives {part} of {order['number']}"
        stage.expect(answer, 201, words, lambda it: f"receipt {it['number']}, {it['amount']} USD")
    stage.require(answer.ok, f"receiving {part} of {order['number']}: {answer.status} {answer.body}")
    return answer.status


def show_stock(stage: Stage, item: dict[str, Any]) -> None:
    """Stock on hand by lot."""
    at = stage.site("OAK", "procurement")
    rows = stage.person("dana.reyes").all(f"{at}/stock", item_id=item["id"])
    shown = "; ".join(f"lot {row['lot']}: {row['quantity']} {row['unit']}, expires {row['expires_on']}" for row in rows)
    stage.require(len(rows) >= 2, f"stock shows by lot: {rows}")
    stage.tell(f"On hand of {item['name']}", shown)


def match_the_bill(stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
    """A price beyond tolerance is held; the corrected bill matches and is approved by somebody else."""
    at, tess, gil = stage.site("OAK", "procurement"), stage.person("tess.ortiz"), stage.person("gil.fontaine")
    dear = billed(stage, order, Decimal("1.20"))
    held = tess.call("POST", f"{at}/bills", {**dear, "order_id": order["id"]})
    stage.expect(
        held,
        201,
        f"Tess Ortiz enters the vendor's bill for {order['number']}, 20 % too dear",
        lambda it: f"{it['status']}: " + "; ".join(hold["detail"] for hold in it["holds"]),
    )
    stage.require(held["status"] == "held", f"the bill is held: {held.body}")
    bill = f"{at}/bills/{held['id']}"
    early = gil.call("POST", f"{bill}/approval", {})
    stage.require(early.status in (403, 409), f"a held bill is approved: {early.status}")
    match = {"If-Match": held.headers.get("ETag", f'"{held["version"]}"')}
    right = tess.call("PUT", bill, billed(stage, order, Decimal(1)), headers=match)
    stage.expect(right, 200, "The vendor corrects the bill; Tess enters the correction", lambda it: it["status"])
    own = tess.call("POST", f"{bill}/approval", {})
    stage.refused(own, 403, "Tess tries to approve the bill she entered")
    done = gil.call("POST", f"{bill}/approval", {})
    return dict(stage.expect(done, 200, "Gil approves it", lambda it: f"{it['status']}, {it['total']} USD").body)


def billed(stage: Stage, order: dict[str, Any], factor: Decimal) -> dict[str, Any]:
    """The vendor's bill for all of an order at its prices times `factor`."""
    lines, total = [], Decimal(0)
    for line in order["lines"]:
        price = (Decimal(line["unit_price"]) * factor).quantize(Decimal("0.0001"))
        total += (price * Decimal(line["quantity"])).quantize(Decimal("0.01"))
        lines.append({"order_line_id": line["id"], "quantity": line["quantity"], "unit_price": str(price)})
    number = f"INV-{stage.tag}-{order['number'][-6:]}"
    return {"number": number, "billed_on": str(stage.today), "total": str(total), "lines": lines}
