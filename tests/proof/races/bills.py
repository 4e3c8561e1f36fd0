"""Races of vendors' bills: entered, approved, cancelled."""

from decimal import Decimal
from typing import Any

from tests.proof.races.buying import AT, delivery, order
from tests.proof.races.crowd import at_once, post
from tests.proof.races.ground import Ground
from tests.proof.races.race import Round, race, require


def _billed(ground: Ground, ordered: dict[str, Any], number: str) -> dict[str, Any]:
    lines = [
        {"order_line_id": line["id"], "quantity": line["quantity"], "unit_price": line["unit_price"]}
        for line in ordered["lines"]
    ]
    total = sum((Decimal(line["quantity"]) * Decimal(line["unit_price"]) for line in lines), Decimal(0))
    head = {"number": number, "billed_on": str(ground.stage.today), "total": f"{total:.2f}"}
    return {**head, "lines": lines, "order_id": ordered["id"]}


def _delivered(ground: Ground) -> dict[str, Any]:
    ordered, at = order(ground), ground.stage.site(AT, "procurement")
    ground.person("finn.hart").post(f"{at}/orders/{ordered['id']}/receipts", delivery(ordered, ground.tag()))
    return ordered


def _bill(ground: Ground) -> dict[str, Any]:
    """A matched bill that Tess entered."""
    path = f"{ground.stage.site(AT, 'procurement')}/bills"
    made = ground.person("tess.ortiz").post(path, _billed(ground, _delivered(ground), ground.tag())).body
    require(made["status"] == "matched", f"the bill matches: {made}")
    return dict(made)


@race("one bill of a vendor entered six times, for two orders", "bill-known", "already-exists")
def same_bill(ground: Ground) -> Round:
    path, number = f"{ground.stage.site(AT, 'procurement')}/bills", ground.tag().upper()
    orders = [_delivered(ground), _delivered(ground)] * 3
    keys = ("tess.ortiz", "gil.fontaine") * 3
    pairs = zip(keys, orders, strict=True)
    answers = at_once([post(ground.person(key), path, _billed(ground, each, number)) for key, each in pairs])
    return Round(answers, len(ground.rows("procurement", "select 1 from vendor_bill where number = :n", n=number)))


@race("one bill sent six times with one key")
def same_entry(ground: Ground) -> Round:
    path, number, key = f"{ground.stage.site(AT, 'procurement')}/bills", ground.tag().upper(), ground.tag()
    body = _billed(ground, _delivered(ground), number)
    answers = at_once([post(ground.person("tess.ortiz"), path, body, key) for _ in range(6)])
    return Round(answers, len(ground.rows("procurement", "select 1 from vendor_bill where number = :n", n=number)))


@race("a bill approved by two people, each three times", "bill-settled")
def bill_approvals(ground: Ground) -> Round:
    bill = _bill(ground)
    path = f"{ground.stage.site(AT, 'procurement')}/bills/{bill['id']}/approval"
    answers = at_once([post(ground.person(key), path) for key in ("gil.fontaine", "marcus.bell") * 3])
    return Round(answers, ground.told("procurement", "procurement.vendor_bill.approved", bill["id"]))


@race("a bill approved while it is cancelled", "bill-settled")
def approval_or_cancellation(ground: Ground) -> Round:
    bill = _bill(ground)
    path = f"{ground.stage.site(AT, 'procurement')}/bills/{bill['id']}"
    approve = [post(ground.person(key), f"{path}/approval") for key in ("gil.fontaine", "marcus.bell")]
    answers = at_once([*approve, *(post(ground.person("tess.ortiz"), f"{path}/cancellation") for _ in range(2))])
    told = ground.told("procurement", "procurement.vendor_bill.approved", bill["id"])
    status = ground.one("procurement", "select status from vendor_bill where id = :id", id=bill["id"])
    require((told == 1) == (status == "approved"), f"{status}, told {told} times")
    return Round(answers, told + (status == "cancelled"))


RACES = (same_bill, same_entry, bill_approvals, approval_or_cancellation)
