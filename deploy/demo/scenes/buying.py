"""Buy: a need travels from a site through the wall to an order, a shelf, a bill, and the books."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from deploy.demo.client import Answer
from deploy.demo.scenes import bills
from deploy.demo.stage import Stage, company


@dataclass
class Bought:
    """What later scenes look at: the requisition, the orders that came of it, and their approved bills."""

    requisition: dict[str, Any]
    orders: list[dict[str, Any]]
    bills: list[dict[str, Any]]


def play(stage: Stage) -> Bought:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("1. Buy: a site in California needs a neurotoxin, gloves and paper")
    toxin, gloves, paper = choose(stage)
    begin_without(stage, toxin)
    drafted = draft(stage, [toxin, gloves, paper])
    not_without_the_formulary(stage, drafted, [toxin, gloves])
    approve_for_formulary(stage, [toxin, gloves])
    requester_cannot_approve(stage, paper)
    requisition = submit_and_approve(stage, drafted)
    order = receive_in_parts(stage, requisition, toxin)
    paper_order = order_with(stage, requisition, paper)
    approved = [bills.match(stage, order), bills.nobody_approves_their_own(stage, paper_order)]
    return Bought(requisition, orders_of(stage, requisition), approved)


def choose(stage: Stage) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A neurotoxin, gloves, and paper."""
    items = stage.person("dana.reyes").all(stage.site("OAK", "procurement") + "/items")
    biologics = [item for item in items if item["item_class"] == "biologic"]
    toxin, gloves, paper = (
        _first(stage, biologics, "toxin"),
        _first(stage, items, "glove"),
        _first(stage, items, "paper"),
    )
    stage.tell(f"Dana Reyes, who runs Oakland, wants: {toxin['name']}; {gloves['name']}; {paper['name']}")
    return toxin, gloves, paper


def _first(stage: Stage, items: list[dict[str, Any]], word: str) -> dict[str, Any]:
    fitting = [item for item in items if word in item["name"].lower()]
    stage.require(bool(fitting), f"the catalogue has something with {word!r} in its name")
    return priced(stage, "dana.reyes", "OAK", min(fitting, key=lambda item: str(item["sku"])))


def _listed(stage: Stage) -> dict[str, dict[str, Any]]:
    """What is on Oakland's formulary or proposed for it, by item."""
    entries = stage.person("dana.reyes").all(stage.site("OAK", "procurement") + "/formulary")
    return {entry["item_id"]: entry for entry in entries if entry["status"] in ("approved", "proposed")}


def begin_without(stage: Stage, toxin: dict[str, Any]) -> None:
    """Every telling begins with the toxin off the formulary: the director takes an earlier one's listing back."""
    entry = _listed(stage).get(toxin["id"])
    if entry is None:
        return
    osei, path = stage.person("dr.osei"), f"{stage.entity('CA', 'procurement')}/formulary/{entry['id']}"
    name = toxin["name"]
    if entry["status"] == "proposed":
        refused = osei.call("POST", f"{path}/decision", {"approved": False, "note": "Ask again."})
        stage.expect(refused, 200, f"Dr. Osei, medical director, refuses an old proposal of {name}", _status)
        return
    taken = osei.call("POST", f"{path}/withdrawal", {"note": "Asked for anew."})
    stage.expect(taken, 200, f"Dr. Osei, medical director, takes {name} off the formulary again", _status)


def _status(answer: Any) -> str:
    return str(answer["status"])


def priced(stage: Stage, key: str, site: str, item: dict[str, Any]) -> dict[str, Any]:
    """The item with the unit and the price it is bought at."""
    prices = stage.person(key, "business").all(f"{stage.site(site, 'procurement')}/items/{item['id']}/prices")
    price = min(prices, key=lambda found: Decimal(found["price"]))
    return {**item, "buy_unit": price["unit"], "buy_price": Decimal(price["price"])}


def need(item: dict[str, Any], quantity: str) -> dict[str, Any]:
    """A line that asks for `quantity` of the unit a vendor sells."""
    return {"item_id": item["id"], "quantity": quantity, "unit": item["buy_unit"]}


def draft(stage: Stage, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Dana drafts it: so much of the toxin that the total lies above the buyer's limit, below the controller's."""
    toxin, gloves, paper = items
    enough = int(stage.limit_of("priya.shah") / toxin["buy_price"]) + 2
    lines = [need(toxin, str(enough)), need(gloves, "4"), need(paper, "2")]
    body = {"lines": lines, "note": f"Month's supply {stage.tag}"}
    path = f"{stage.site('OAK', 'procurement')}/requisitions"
    made = stage.person("dana.reyes").call("POST", path, body)
    words = "Dana drafts the requisition with all three"
    return dict(stage.expect(made, 201, words, lambda it: f"{it['number']}, {it['total']} USD").body)


def _path(stage: Stage, requisition: dict[str, Any]) -> str:
    return f"{stage.site('OAK', 'procurement')}/requisitions/{requisition['id']}"


def not_without_the_formulary(stage: Stage, drafted: dict[str, Any], clinical: list[dict[str, Any]]) -> None:
    """It cannot be submitted, and the refusal points at each line that is not on the formulary."""
    listed = _listed(stage)
    absent = {item["id"] for item in clinical if item["id"] not in listed}
    points_at = [f"/lines/{at}" for at, line in enumerate(drafted["lines"]) if line["item_id"] in absent]
    stage.require("/lines/0" in points_at, f"the toxin, the first line, is not on the formulary: {listed}")
    answer = stage.person("dana.reyes").call("POST", f"{_path(stage, drafted)}/submission", {})
    stage.refused(answer, 409, "not-on-formulary", "Dana submits it", points_at=points_at)


def approve_for_formulary(stage: Stage, items: list[dict[str, Any]]) -> None:
    """The buyer proposes and may not approve; another entity's director cannot; the entity's own does."""
    entity, listed = stage.entity("CA", "procurement"), _listed(stage)
    priya, osei = stage.person("priya.shah"), stage.person("dr.osei")
    for item in items:
        if item["id"] in listed:
            continue
        body = {"item_id": item["id"], "reason": "Requested by Oakland; priced at contract."}
        proposal = priya.call("POST", f"{entity}/formulary", body)
        stage.expect(proposal, 201, f"Priya Shah, the network buyer, proposes {item['name']} for the formulary")
        decision = f"{entity}/formulary/{proposal['id']}/decision"
        if item is items[0]:
            only_the_director(stage, decision)
        done = osei.call("POST", decision, {"approved": True, "note": "Fits our protocols."})
        words = f"Dr. Osei, medical director of {company('CA')}, approves {item['name']}"
        stage.require(stage.expect(done, 200, words)["status"] == "approved", f"it is approved: {done.body}")


def only_the_director(stage: Stage, decision: str) -> None:
    """The buyer is told by which policy, why, on which source, and who can; elsewhere's director finds nothing."""
    own = stage.person("priya.shah").call("POST", decision, {"approved": True})
    who_can = f"a medical director of {company('CA')}"
    words = "Priya tries to approve it herself"
    stage.reserved(own, words, decision="procurement.formulary.approve", who_can=who_can)
    other = stage.person("dr.romano").call("POST", decision, {"approved": True})
    stage.refused(other, 404, "not-found", "Dr. Romano, medical director in New York, tries to approve it")


def requester_cannot_approve(stage: Stage, paper: dict[str, Any]) -> None:
    """A request within Dana's own limit: it is not its amount that keeps her from approving it."""
    dana, at = stage.person("dana.reyes"), f"{stage.site('OAK', 'procurement')}/requisitions"
    body = {"lines": [need(paper, "1")], "note": f"Paper alone {stage.tag}", "submit": True}
    made = dana.call("POST", at, body)
    limit = stage.limit_of("dana.reyes")
    words = "Dana also asks for a little paper at once"
    stage.expect(made, 201, words, lambda it: f"{it['number']}, {it['total']} USD; her limit is {limit}")
    stage.require(Decimal(made["total"]) <= limit, f"it lies within her limit: {made.body}")
    own = dana.call("POST", f"{at}/{made['id']}/approval", {})
    stage.refused(own, 403, "self-approval", "She tries to approve it herself")
    stage.expect(dana.call("POST", f"{at}/{made['id']}/cancellation", {}), 200, "She takes it back", _status)


def submit_and_approve(stage: Stage, drafted: dict[str, Any]) -> dict[str, Any]:
    """Requester may not approve, an approver below the total may not, the next may; once. Returns the requisition."""
    path, dana, gil = _path(stage, drafted), stage.person("dana.reyes"), stage.person("gil.fontaine")
    stage.expect(
        dana.call("POST", f"{path}/submission", {}), 200, "Dana submits the requisition with all three", _status
    )
    own = dana.call("POST", f"{path}/approval", {})
    stage.refused(own, 403, "self-approval", "Dana tries to approve her own request")
    above_the_limit(stage, path, Decimal(drafted["total"]))
    limit = stage.limit_of("gil.fontaine")
    approved = gil.call("POST", f"{path}/approval", {})
    stage.expect(approved, 200, f"Gil Fontaine, the controller (limit {limit}), approves", _status)
    placed = orders_of(stage, drafted)
    again = gil.call("POST", f"{path}/approval", {})
    stage.require(again.status == 200 and again["status"] == "approved", f"approving twice: {again.body}")
    stage.require(orders_of(stage, drafted) == placed, "approving twice orders once")
    neighbour = stage.person("lou.martin").call("GET", path)
    words = "Lou Martin of Brooklyn looks for Oakland's requisition: it does not exist for him"
    stage.refused(neighbour, 404, "not-found", words)
    return dict(dana.get(path).body)


def above_the_limit(stage: Stage, path: str, total: Decimal) -> None:
    """Somebody may approve requisitions, and this one is too large for them."""
    limit = stage.limit_of("priya.shah")
    stage.require(total > limit, f"{total} lies above {limit}")
    tried = stage.person("priya.shah").call("POST", f"{path}/approval", {})
    words = f"Priya tries; the total is above her limit of {limit}"
    stage.refused(tried, 403, "approval-limit-exceeded", words)
    figures = {"limit": str(limit), "total": str(total)}
    stage.require({name: tried[name] for name in figures} == figures, f"it names both figures: {tried.body}")


def order_with(stage: Stage, requisition: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """The order of a requisition that has an item on it."""
    orders = orders_of(stage, requisition)
    return next(order for order in orders if any(line["item_id"] == item["id"] for line in order["lines"]))


def orders_of(stage: Stage, requisition: dict[str, Any]) -> list[dict[str, Any]]:
    """The orders that came of a requisition, with their lines."""
    dana, at = stage.person("dana.reyes"), stage.site("OAK", "procurement")
    found = dana.all(f"{at}/orders", requisition_id=requisition["id"])
    return [dict(dana.get(f"{at}/orders/{order['id']}").body) for order in found]


def receive_in_parts(stage: Stage, requisition: dict[str, Any], toxin: dict[str, Any]) -> dict[str, Any]:
    """The toxin's order arrives in two parts; the second is scanned twice. Returns the order."""
    dana, finn, at = stage.person("dana.reyes"), stage.person("finn.hart"), stage.site("OAK", "procurement")
    orders, order = orders_of(stage, requisition), order_with(stage, requisition, toxin)
    for each in orders:
        stage.tell(
            f"A purchase order goes out: {each['number']} to {each['vendor_name']}",
            f"in the name of {each['buyer_name']}, {each['total']} USD",
        )
    document = dana.get(f"{at}/orders/{order['id']}/document")
    stage.require(document.body[:5] == b"%PDF-", "the order can be downloaded as a PDF")
    stage.tell(f"Dana downloads {order['number']} as a PDF", f"{len(document.body)} bytes")
    for each in orders:
        first = each["id"] == order["id"]
        deliver(stage, each, part="half" if first else "all", slip=f"PS-{stage.tag}-{each['number'][-3:]}-1")
    slip = f"PS-{stage.tag}-{order['number'][-3:]}-2"
    once = deliver(stage, order, part="rest", slip=slip)
    twice = deliver(stage, order, part="rest", slip=slip, again=True)
    stage.require(twice.status == 200 and twice.body == once.body, f"it is the same receipt: {twice.body}")
    now = finn.get(f"{at}/orders/{order['id']}").body
    stage.require(
        all(Decimal(line["received"]) == Decimal(line["base_quantity"]) for line in now["lines"]),
        f"the second scan was counted: {now['lines']}",
    )
    stage.tell("Finn scans the second delivery again by accident", f"{twice.status} the same receipt, counted once")
    show_stock(stage, order, toxin)
    return dict(now)


def deliver(stage: Stage, order: dict[str, Any], *, part: str, slip: str, again: bool = False) -> Answer:
    """Receive half, the rest, or all of an order; `again` leaves it untold."""
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
    return answer


def show_stock(stage: Stage, order: dict[str, Any], item: dict[str, Any]) -> None:
    """Stock on hand by lot: of the lots that just came, exactly what their receipts say."""
    dana, at = stage.person("dana.reyes"), stage.site("OAK", "procurement")
    receipts = [dana.get(f"{at}/receipts/{found['id']}") for found in dana.all(f"{at}/receipts", order_id=order["id"])]
    came = {
        (line["lot"], line["expires_on"], line["base_quantity"]) for receipt in receipts for line in receipt["lines"]
    }
    rows = dana.all(f"{at}/stock", item_id=item["id"])
    on_hand = {(row["lot"], row["expires_on"], row["quantity"]) for row in rows}
    stage.require(len(came) == 2 and came <= on_hand, f"stock shows {came}: {rows}")
    shown = "; ".join(f"lot {row['lot']}: {row['quantity']} {row['unit']}, expires {row['expires_on']}" for row in rows)
    stage.tell(f"On hand of {item['name']}", shown)
