"""Pay the manager: the month's fee of each agreement, under the rules of each state."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from deploy.demo.prospect import Prospect
from deploy.demo.scenes import figures
from deploy.demo.scenes.buying import need, priced
from deploy.demo.stage import Stage

SERVICES = ["procurement", "hr", "billing", "bookkeeping"]
DECISION = "billing.management_fee.approve"
OF_GROSS: dict[str, Any] = {"base_accounts": [figures.REVENUE], "excludes_marketing": True, "excludes_federal": True}


def play(stage: Stage) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("5. Pay the manager: three states, three ways, one forbidden, one unknown")
    month = stage.today.replace(day=1)
    forbidden_in_new_york(stage, month)
    flat_in_new_york(stage, month)
    percentage_in_california(stage, month)
    cost_plus_in_texas(stage, month)
    unknown_state(stage, month)


def propose(stage: Stage, practice: str, model: str, month: date, **terms: Any) -> Any:
    """Gil proposes fee terms; returns the answer."""
    body = {
        "agreement_id": stage.ids[f"agreement {practice}"],
        "fee_model": model,
        "effective_from": f"{month:%Y-%m}",
        "services": SERVICES,
        **terms,
    }
    return stage.person("gil.fontaine").call("POST", f"{stage.entity(practice, 'billing')}/fee-terms", body)


def agreed(stage: Stage, practice: str, owner: str, model: str, month: date, **terms: Any) -> None:
    """Terms in force: those of an earlier telling, or new ones that the owner approves."""
    path = f"{stage.entity(practice, 'billing')}/fee-terms"
    signer = stage.person(owner)
    if any(found["status"] == "approved" and found["fee_model"] == model for found in signer.all(path)):
        stage.tell(f"The terms of {practice} ({model}) were approved before")
        return
    made = stage.expect(
        propose(stage, practice, model, month, **terms),
        201,
        f"Gil proposes {model} for {practice}",
        lambda it: it["outcome"],
    )
    own = stage.person("gil.fontaine").call("POST", f"{path}/{made['id']}/approval", {})
    stage.reserved(own, "Gil cannot approve it", decision=DECISION, who_can=stage.owner_of(practice))
    done = signer.call("POST", f"{path}/{made['id']}/approval", {})
    stage.expect(done, 200, f"The owner of the {practice} practice approves the terms", lambda it: it["status"])


def statement(stage: Stage, practice: str, owner: str, month: date) -> dict[str, Any]:
    """The month's statement, approved by the owner now or in an earlier telling; it stands in both books."""
    path, gil = f"{stage.entity(practice, 'billing')}/fee-statements", stage.person("gil.fontaine")
    wanted = {"agreement_id": stage.ids[f"agreement {practice}"], "month": f"{month:%Y-%m}"}
    known = gil.all(path, **wanted, status="approved")
    if known:
        settled = dict(gil.get(f"{path}/{known[0]['id']}").body)
        words = f"The {practice} statement of {month:%Y-%m} was approved before"
        stage.tell(words, f"{settled['number']}: {settled['amount']} USD")
    else:
        settled = drafted_and_approved(stage, practice, owner, wanted)
    stage.require(Decimal(settled["amount"]) > 0, f"the fee is more than nothing: {settled}")
    both_books(stage, practice, settled)
    return settled


def drafted_and_approved(stage: Stage, practice: str, owner: str, wanted: dict[str, str]) -> dict[str, Any]:
    """Gil drafts a month's statement with its working and cannot approve it; the owner can."""
    path, gil = f"{stage.entity(practice, 'billing')}/fee-statements", stage.person("gil.fontaine")
    words = f"Gil drafts the {practice} statement of {wanted['month']}"
    drafted = gil.call("POST", path, wanted)
    stage.expect(drafted, 201, words, lambda it: f"{it['number']}: {it['amount']} USD, {it['outcome']}")
    for line in drafted["working"][:6]:
        stage.tell(f"    {line['label']}", line["amount"])
    approval, amount = f"{path}/{drafted['id']}/approval", {"amount": drafted["amount"]}
    own = gil.call("POST", approval, amount)
    stage.reserved(own, "Gil cannot approve it", decision=DECISION, who_can=stage.owner_of(practice))
    done = stage.person(owner).call("POST", approval, amount)
    stage.expect(done, 200, "The owner of the practice approves it", lambda it: it["status"])
    return dict(gil.get(f"{path}/{drafted['id']}").body)


def both_books(stage: Stage, practice: str, settled: dict[str, Any]) -> None:
    """The two sides of the fee: equal to the statement and to each other, and linked."""
    gil = stage.person("gil.fontaine")
    sides = [
        gil.all(f"{stage.entity(whose, 'billing')}/journal", source_id=settled["id"]) for whose in (practice, "mso")
    ]
    stage.require(all(len(side) == 1 for side in sides), f"both books have the fee once: {sides}")
    theirs, ours = sides[0][0], sides[1][0]
    amounts = {Decimal(theirs["total"]), Decimal(ours["total"]), Decimal(settled["amount"])}
    linked = theirs["link_id"] == ours["link_id"] is not None
    stage.require(len(amounts) == 1 and linked, f"the sides are one piece: {settled} {theirs} {ours}")
    stage.tell(
        "Both books have their side, in one piece", f"{theirs['number']} and {ours['number']}, {ours['total']} USD"
    )


def forbidden_in_new_york(stage: Stage, month: date) -> None:
    """A percentage fee for New York is blocked, with policy and source."""
    answer = propose(stage, "NY", "fee.pct_gross", month, percent="12", **OF_GROSS)
    words = "Gil proposes 12 % of gross revenue for New York"
    stage.refused(answer, 409, "fee-not-allowed", words, policy="chk.state_model", why="prohibited", source="state:NY")
    stage.require(answer["outcome"] == "blocked" and bool(answer["sources"]), f"blocked on a source: {answer.body}")


def opinion(stage: Stage, practice: str, model: str, basis: str, low: str, mid: str, high: str) -> None:
    """A fair-market-value opinion on file, once."""
    path = f"{stage.entity(practice, 'billing')}/fmv-opinions"
    gil = stage.person("gil.fontaine")
    if any(found["fee_model"] == model and found["expires_on"] >= str(stage.today) for found in gil.all(path)):
        return
    body = {
        "fee_model": model,
        "valuator": "Northgate Valuation Partners",
        "valued_on": str(stage.today - timedelta(days=60)),
        "method": "Cost and market approach",
        "basis": basis,
        "low": low,
        "mid": mid,
        "high": high,
        "services_covered": SERVICES,
        "expires_on": str(stage.today + timedelta(days=300)),
        "document": f"fmv-{practice.lower()}-{stage.today.year}.pdf",
    }
    stage.expect(
        gil.call("POST", path, body),
        201,
        f"A fair-market-value opinion for {practice} is put on file",
        f"{low} to {high}",
    )


def flat_in_new_york(stage: Stage, month: date) -> None:
    """New York: a flat fee inside the opinion's band."""
    opinion(stage, "NY", "fee.flat_monthly", "monthly_amount", "15000", "18000", "21000")
    agreed(stage, "NY", "dr.weiss", "fee.flat_monthly", month, monthly_amount="18000.00")
    figures.flat_amount(stage, statement(stage, "NY", "dr.weiss", month))


def percentage_in_california(stage: Stage, month: date) -> None:
    """California: a percentage of gross, with a fair-market-value opinion."""
    opinion(stage, "CA", "fee.pct_gross", "percent", "10", "14", "18")
    agreed(stage, "CA", "dr.nakamura", "fee.pct_gross", month, percent="14", **OF_GROSS)
    figures.percentage_of_revenue(stage, statement(stage, "CA", "dr.nakamura", month))


def cost_plus_in_texas(stage: Stage, month: date) -> None:
    """Texas: what the MSO bought for the sites this month, plus a fixed mark-up."""
    opinion(stage, "TX", "fee.cost_plus", "percent", "6", "8", "10")
    agreed(stage, "TX", "dr.delgado", "fee.cost_plus", month, percent="8", cost_categories=["supplies"])
    buy_for_austin(stage)
    figures.cost_and_mark_up(stage, statement(stage, "TX", "dr.delgado", month))


def buy_for_austin(stage: Stage) -> None:
    """Paper for Austin, bought and received by the MSO: a cost of the month."""
    jo, gil, at = stage.person("jo.rivera", "business"), stage.person("gil.fontaine"), stage.site("AUS", "procurement")
    paper = next(item for item in jo.all(f"{at}/items", item_class="business") if "paper" in item["name"].lower())
    lines = [need(priced(stage, "jo.rivera", "AUS", paper), "5")]
    made = jo.post(f"{at}/requisitions", {"lines": lines, "submit": True})
    gil.post(f"{at}/requisitions/{made['id']}/approval")
    order = jo.all(f"{at}/orders", requisition_id=made["id"])[0]
    full = jo.get(f"{at}/orders/{order['id']}").body
    lines = [{"order_line_id": line["id"], "quantity": line["quantity"]} for line in full["lines"]]
    receipt = jo.post(f"{at}/orders/{order['id']}/receipts", {"packing_slip": f"AUS-{stage.tag}", "lines": lines})
    words = f"The MSO buys paper for Austin: {order['number']}, received for {receipt['amount']} USD"
    journal = f"{stage.entity('mso', 'billing')}/journal"
    stage.eventually(lambda: gil.all(journal, source_id=receipt["id"]), words, "it stands in the MSO's books")


def unknown_state(stage: Stage, month: date) -> None:
    """A state whose fee rule is not known is held for counsel."""
    prospect = Prospect(stage)
    prospect.join()
    gil, entity = stage.person("gil.fontaine"), stage.entity(prospect.key, "billing")
    stage.eventually(lambda: gil.call("GET", f"{entity}/fmv-opinions").ok, "Billing hears of the agreement")
    opinion(stage, prospect.key, "fee.pct_gross", "percent", "10", "12", "15")
    proposed = stage.expect(
        propose(stage, prospect.key, "fee.pct_gross", month, percent="12", **OF_GROSS),
        201,
        f"Gil proposes 12 % of gross revenue for {prospect.company.name}: nobody has researched Utah's rule",
        lambda it: f"{it['outcome']} for counsel: {it['checks'][0]['why']}",
    )
    held = [check for check in proposed["checks"] if check["severity"] == "hold_for_counsel"]
    stage.require(
        proposed["outcome"] == "held" and "state:UT" in {check["source"] for check in held},
        f"held for counsel, because of Utah: {proposed.body}",
    )
    approval = prospect.owner().call("POST", f"{entity}/fee-terms/{proposed['id']}/approval", {})
    words = "Not even the owner can approve it before counsel has spoken"
    stage.refused(approval, 409, "fee-not-allowed", words, policy="chk.state_model", why="counsel", source="state:UT")
    stage.require(approval["outcome"] == "held", f"it stays held: {approval.body}")
