"""Races of buying: requisitions, orders, goods received, stock, the formulary, vendors' bank details."""

from decimal import Decimal
from typing import Any

from tests.proof.races.crowd import Call, at_once, post
from tests.proof.races.ground import Ground
from tests.proof.races.race import Round, race, require

AT = "OAK"
APPROVERS = ("gil.fontaine", "priya.shah", "marcus.bell")


def requisition(ground: Ground, *kinds: str, quantity: str = "2") -> dict[str, Any]:
    """Dana asks for so much of each kind (`paper`, `gloves`), and submits it."""
    ground.second_controller()
    if "gloves" in kinds:
        ground.approve_gloves()
    lines = [{**ground.items[kind], "quantity": quantity} for kind in kinds or ("paper",)]
    at = ground.stage.site(AT, "procurement")
    return dict(ground.person("dana.reyes").post(f"{at}/requisitions", {"lines": lines, "submit": True}).body)


def order(ground: Ground) -> dict[str, Any]:
    """An order of paper with its lines."""
    made, at = requisition(ground), ground.stage.site(AT, "procurement")
    ground.person("gil.fontaine").post(f"{at}/requisitions/{made['id']}/approval")
    dana = ground.person("dana.reyes")
    (placed,) = dana.all(f"{at}/orders", requisition_id=made["id"])
    return dict(dana.get(f"{at}/orders/{placed['id']}").body)


def delivery(ordered: dict[str, Any], slip: str) -> dict[str, Any]:
    """All of an order with one packing slip."""
    lines = [{"order_line_id": line["id"], "quantity": line["quantity"]} for line in ordered["lines"]]
    return {"packing_slip": slip, "lines": lines}


def _decide(
    ground: Ground, made: dict[str, Any], who: str, verb: str, body: Any = None, key: str | None = None
) -> Call:
    path = f"{ground.stage.site(AT, 'procurement')}/requisitions/{made['id']}/{verb}"
    return post(ground.person(who), path, body, key)


def _orders(ground: Ground, made: dict[str, Any]) -> int:
    return len(ground.rows("procurement", "select 1 from purchase_order where requisition_id = :id", id=made["id"]))


def _status(ground: Ground, table: str, thing: dict[str, Any]) -> str:
    return str(ground.one("procurement", f"select status from {table} where id = :id", id=thing["id"]))


@race("three people approve one requisition, each twice", "not-awaiting-approval")
def approvals(ground: Ground) -> Round:
    made = requisition(ground, "paper", "gloves")
    answers = at_once([_decide(ground, made, key, "approval") for key in APPROVERS * 2])
    require(_orders(ground, made) == 2, f"an order for each buyer: {_orders(ground, made)}")
    return Round(answers, ground.told("procurement", "procurement.requisition.approved", made["id"]))


@race("one approval sent six times with one key")
def approval_again(ground: Ground) -> Round:
    made, key = requisition(ground), ground.tag()
    answers = at_once([_decide(ground, made, "gil.fontaine", "approval", key=key) for _ in range(6)])
    require(all(answer.body == answers[0].body for answer in answers), "six times the same answer")
    return Round(answers, _orders(ground, made))


@race("a requisition approved while it is cancelled", "not-awaiting-approval", "not-cancellable")
def approval_or_cancellation(ground: Ground) -> Round:
    made = requisition(ground)
    calls = [_decide(ground, made, key, "approval") for key in APPROVERS]
    answers = at_once([*calls, *(_decide(ground, made, "dana.reyes", "cancellation") for _ in range(3))])
    approved, status = _orders(ground, made), _status(ground, "requisition", made)
    require((approved == 1) == (status == "approved"), f"{status} with {approved} orders")
    return Round(answers, approved + (status == "cancelled"))


@race("a requisition approved while it is rejected", "not-awaiting-approval")
def approval_or_rejection(ground: Ground) -> Round:
    made = requisition(ground)
    reject = _decide(ground, made, "priya.shah", "rejection", {"reason": "Not this month."})
    calls = [_decide(ground, made, key, "approval") for key in ("gil.fontaine", "marcus.bell")]
    answers = at_once([*calls, reject, reject])
    approved, status = _orders(ground, made), _status(ground, "requisition", made)
    require((approved == 1) == (status == "approved"), f"{status} with {approved} orders")
    return Round(answers, approved + (status == "rejected"))


@race("requisitions for both buyers, their lines in opposite order, approved together")
def opposite_orders(ground: Ground) -> Round:
    kinds = [("paper", "gloves"), ("gloves", "paper")] * 3
    made = [requisition(ground, *each) for each in kinds]
    answers = at_once([_decide(ground, each, "gil.fontaine", "approval") for each in made])
    return Round(answers, sum(_orders(ground, each) for each in made), expected=12)


def _received(ground: Ground, ordered: dict[str, Any]) -> int:
    """How many receipts an order has; what stands in stock and on the order is what they say."""
    query = (
        "select (select count(*) from goods_receipt where order_id = :id) as receipts,"
        " (select sum(received) from purchase_order_line where order_id = :id) as received,"
        " coalesce((select sum(m.quantity) from stock_move m join goods_receipt_line l on l.id = m.receipt_line_id"
        " where l.order_id = :id), 0) as stocked"
    )
    (row,) = ground.rows("procurement", query, id=ordered["id"])
    require(row.received == row.stocked, f"{row.received} received, {row.stocked} in stock")
    return int(row.receipts)


@race("one packing slip received six times")
def same_slip(ground: Ground) -> Round:
    ordered, at = order(ground), ground.stage.site(AT, "procurement")
    path, body = f"{at}/orders/{ordered['id']}/receipts", delivery(ordered, ground.tag())
    answers = at_once([post(ground.person(key), path, body) for key in ("finn.hart", "dana.reyes") * 3])
    require(len({answer.body["id"] for answer in answers if answer.ok}) == 1, "everybody sees the same receipt")
    return Round(answers, _received(ground, ordered))


@race("one receipt sent six times with one key")
def same_receipt(ground: Ground) -> Round:
    ordered, at, key = order(ground), ground.stage.site(AT, "procurement"), ground.tag()
    path, body = f"{at}/orders/{ordered['id']}/receipts", delivery(ordered, ground.tag())
    answers = at_once([post(ground.person("finn.hart"), path, body, key) for _ in range(6)])
    return Round(answers, _received(ground, ordered))


@race("six packing slips, each for the whole order", "not-awaiting-goods", "over-receipt")
def six_slips(ground: Ground) -> Round:
    ordered, at = order(ground), ground.stage.site(AT, "procurement")
    path = f"{at}/orders/{ordered['id']}/receipts"
    keys = ("finn.hart", "dana.reyes") * 3
    answers = at_once([post(ground.person(key), path, delivery(ordered, ground.tag())) for key in keys])
    return Round(answers, _received(ground, ordered))


@race("an order cancelled while its goods arrive", "not-awaiting-goods", "already-received")
def arrival_or_cancellation(ground: Ground) -> Round:
    ordered, at = order(ground), ground.stage.site(AT, "procurement")
    path, why = f"{at}/orders/{ordered['id']}", {"reason": "Ordered by mistake."}
    arrive = [post(ground.person("finn.hart"), f"{path}/receipts", delivery(ordered, ground.tag())) for _ in range(3)]
    cancel = [post(ground.person(key), f"{path}/cancellation", why) for key in ("priya.shah", "avery.cole")]
    answers = at_once([*arrive, *cancel])
    received, status = _received(ground, ordered), _status(ground, "purchase_order", ordered)
    require((received == 1) == (status == "received"), f"{status} with {received} receipts")
    return Round(answers, received + (status == "cancelled"))


def _counted(ground: Ground, counted: str) -> tuple[str, str]:
    """An item of which so many base units are on hand: its id and its base unit."""
    query = (
        "select id, unit_chain from catalog_item where status = 'active' and not lot_tracked"
        " and item_class = 'business' and id <> :paper order by sku limit 1"
    )
    (item,) = ground.rows("procurement", query, paper=ground.items["paper"]["item_id"])
    path = f"{ground.stage.site(AT, 'procurement')}/counts"
    ground.person("dana.reyes").post(path, {"item_id": str(item.id), "counted": counted, "unit_cost": "3.0000"})
    base = ground.person("dana.reyes").all(f"{ground.stage.site(AT, 'procurement')}/stock", item_id=str(item.id))
    return str(item.id), base[0]["unit"]


@race("six people take the last unit", "not-enough-stock")
def last_unit(ground: Ground) -> Round:
    item, unit = _counted(ground, "1")
    path, body = f"{ground.stage.site(AT, 'procurement')}/stock/usage", {"item_id": item, "quantity": "1", "unit": unit}
    answers = at_once([post(ground.person(key), path, body) for key in ("finn.hart", "dana.reyes") * 3])
    left = ground.one("procurement", "select sum(quantity) from stock_move where item_id = :id", id=item)
    require(left == 0, f"{left} left")
    return Round(answers, sum(answer.ok for answer in answers))


@race("stock used, thrown away and counted together", "not-enough-stock")
def used_wasted_counted(ground: Ground) -> Round:
    item, unit = _counted(ground, "3")
    at, dana = ground.stage.site(AT, "procurement"), ground.person("dana.reyes")
    taken = {"item_id": item, "quantity": "2", "unit": unit, "note": "Box fell into water."}
    use, waste = post(dana, f"{at}/stock/usage", taken), post(dana, f"{at}/stock/waste", taken)
    count = post(dana, f"{at}/counts", {"item_id": item, "counted": "1", "unit_cost": "3.0000"})
    answers = at_once([use, waste, count])
    query = (
        "select sum(quantity) as on_hand, min(running) as least from (select quantity, sum(quantity) over (order by id)"
    )
    (row,) = ground.rows("procurement", f"{query} as running from stock_move where item_id = :id) as m", id=item)
    require(row.least >= 0, f"stock went down to {row.least}")
    return Round(answers, int(0 <= row.on_hand <= Decimal(1)))


def _clinical_item(ground: Ground) -> str:
    """A clinical item that is neither on the list of the CA practice nor proposed for it."""
    query = (
        "select id from catalog_item i where status = 'active' and item_class <> 'business' and not exists (select 1"
        " from formulary_entry f where f.item_id = i.id and f.legal_entity_id = :ca and f.status in"
        " ('proposed', 'approved')) order by sku limit 1"
    )
    return str(ground.one("procurement", query, ca=ground.stage.ids["CA"]))


@race("one item proposed for a formulary four times", "already-on-formulary", "already-exists")
def proposals(ground: Ground) -> Round:
    item, entity = _clinical_item(ground), ground.stage.entity("CA", "procurement")
    at = ground.stage.site(AT, "procurement")
    body = {"item_id": item, "reason": "Asked for by patients."}
    everybody = (("priya.shah", entity), ("dana.reyes", at), ("dr.osei", entity), ("nora.kim", at))
    answers = at_once([post(ground.person(key), f"{path}/formulary", body) for key, path in everybody])
    found = ground.rows(
        "procurement", "select id from formulary_entry where item_id = :id and status = 'proposed'", id=item
    )
    refusal = {"approved": False, "note": "Not needed."}
    ground.person("dr.osei").post(f"{entity}/formulary/{found[0].id}/decision", refusal)
    return Round(answers, len(found))


@race("two medical directors decide on one proposal, yes and no", "not-awaiting-decision")
def formulary_decisions(ground: Ground) -> Round:
    ground.appoint_second_officers()
    entity = ground.stage.entity("CA", "procurement")
    body = {"item_id": _clinical_item(ground), "reason": "Asked for by patients."}
    entry = ground.person("priya.shah").post(f"{entity}/formulary", body)
    path = f"{entity}/formulary/{entry['id']}"
    yes, no = ({"approved": approved, "note": "Decided."} for approved in (True, False))
    votes = (("dr.osei", yes), ("dr.romano", no)) * 3
    answers = at_once([post(ground.person(key), f"{path}/decision", vote) for key, vote in votes])
    taken = ground.rows("procurement", "select outcome from reserved_decision where subject_id = :id", id=entry["id"])
    status = _status(ground, "formulary_entry", entry.body)
    require([row.outcome for row in taken] == [status], f"{status}, on record {taken}")
    if status == "approved":
        ground.person("dr.osei").post(f"{path}/withdrawal", {"note": "Not needed any more."})
    return Round(answers, len(taken))


@race("a vendor's new bank details confirmed and refused", "bank-change-settled")
def bank_details(ground: Ground) -> Round:
    vendor = ground.one("procurement", "select id from vendor where status = 'active' order by code limit 1")
    path = f"/v1/network/procurement/vendors/{vendor}/bank-changes"
    details = {"account_name": "Vendor Inc", "routing_number": "021000021", "account_number": f"{ground.next():08d}"}
    change = ground.person("priya.shah").post(path, {**details, "reason": "Letter of the vendor."})
    one = f"{path}/{change['id']}"
    confirm = [post(ground.person(key), f"{one}/confirmation") for key in ("gil.fontaine", "avery.cole")]
    answers = at_once([*confirm, post(ground.person("gil.fontaine"), f"{one}/refusal")])
    status = ground.one("procurement", "select status from vendor_bank_change where id = :id", id=change["id"])
    ending = ground.one("procurement", "select right(bank_account_number, 4) from vendor where id = :id", id=vendor)
    require((status == "confirmed") == (ending == details["account_number"][-4:]), f"{status}, {ending}")
    return Round(answers, sum(answer.ok for answer in answers))


RACES = (
    approvals,
    approval_again,
    approval_or_cancellation,
    approval_or_rejection,
    opposite_orders,
    same_slip,
    same_receipt,
    six_slips,
    arrival_or_cancellation,
    last_unit,
    used_wasted_counted,
    proposals,
    formulary_decisions,
    bank_details,
)
