"""Bills: what a vendor asks for is compared with the order and the goods, and approved by somebody else."""

from decimal import Decimal
from operator import itemgetter
from typing import Any

from deploy.demo.stage import Stage

STATUS = itemgetter("status")


def match(stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
    """A price beyond tolerance is held, and nobody approves it; the corrected bill matches and is approved."""
    at, tess, gil = stage.site("OAK", "procurement"), stage.person("tess.ortiz"), stage.person("gil.fontaine")
    dear = billed(stage, order, Decimal("1.20"))
    held = tess.call("POST", f"{at}/bills", {**dear, "order_id": order["id"]})
    words = f"Tess Ortiz enters the vendor's bill for {order['number']}, 20 % too dear"
    stage.expect(held, 201, words, lambda it: f"{it['status']}: " + "; ".join(hold["detail"] for hold in it["holds"]))
    reasons = {hold["code"] for hold in held["holds"]}
    stage.require((held["status"], reasons) == ("held", {"price"}), f"the bill is held for its price: {held.body}")
    bill = f"{at}/bills/{held['id']}"
    early = gil.call("POST", f"{bill}/approval", {})
    points_at = [hold["pointer"] for hold in held["holds"]]
    stage.refused(early, 409, "bill-held", "Gil tries to approve it all the same", points_at=points_at)
    match = {"If-Match": held.headers["ETag"]}
    right = tess.call("PUT", bill, billed(stage, order, Decimal(1)), headers=match)
    stage.expect(right, 200, "The vendor corrects the bill; Tess enters the correction", STATUS)
    stage.require((right["status"], right["holds"]) == ("matched", []), f"the bill matches: {right.body}")
    desk = tess.call("POST", f"{bill}/approval", {})
    words = "Tess, who only enters bills, tries to approve it"
    stage.refused(desk, 403, "refused", words, policy="wall.deny-by-default")
    done = gil.call("POST", f"{bill}/approval", {})
    return dict(stage.expect(done, 200, "Gil approves it", lambda it: f"{it['status']}, {it['total']} USD").body)


def nobody_approves_their_own(stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
    """Gil may approve bills, and this one is within his limit; he entered it, so he leaves it to Tess to enter."""
    at, tess, gil = stage.site("OAK", "procurement"), stage.person("tess.ortiz"), stage.person("gil.fontaine")
    bill = {**billed(stage, order, Decimal(1)), "order_id": order["id"]}
    his = gil.call("POST", f"{at}/bills", bill)
    words = f"Gil enters the bill of {order['vendor_name']} himself"
    stage.expect(his, 201, words, lambda it: f"{it['status']}, {it['total']} USD")
    within = his["status"] == "matched" and Decimal(his["total"]) <= stage.limit_of("gil.fontaine")
    stage.require(within, f"it matches and lies within Gil's limit: {his.body}")
    own = gil.call("POST", f"{at}/bills/{his['id']}/approval", {})
    stage.refused(own, 403, "own-bill", "Gil tries to approve the bill he entered")
    stage.expect(gil.call("POST", f"{at}/bills/{his['id']}/cancellation", {}), 200, "He takes it back", STATUS)
    hers = stage.expect(tess.call("POST", f"{at}/bills", bill), 201, "Tess enters it instead", STATUS)
    done = gil.call("POST", f"{at}/bills/{hers['id']}/approval", {})
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
