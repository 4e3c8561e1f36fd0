"""Pay the manager: the month's fee of each agreement, under the rules of each state."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from deploy.demo.prospect import Prospect
from deploy.demo.scenes.buying import need, priced
from deploy.demo.stage import Stage

SERVICES = ["procurement", "hr", "billing", "bookkeeping"]


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
    stage.refused(own, 403, "Gil cannot approve it", policy="wall.reserved-decision")
    done = signer.call("POST", f"{path}/{made['id']}/approval", {})
    stage.expect(done, 200, f"The owner of the {practice} practice approves the terms", lambda it: it["status"])


def statement(stage: Stage, practice: str, owner: str, month: date) -> None:
    """The month's statement with its working, approved by the owner; both books get their side."""
    gil, signer = stage.person("gil.fontaine"), stage.person(owner)
    path = f"{stage.entity(practice, 'billing')}/fee-statements"
    body = {"agreement_id": stage.ids[f"agreement {practice}"], "month": f"{month:%Y-%m}"}
    drafted = gil.call("POST", path, body)
    if drafted.status == 409 and drafted["type"].endswith("#already-decided"):
        stage.tell(f"The statement of {practice} for {month:%Y-%m} was approved before", drafted["detail"])
        return
    words = f"Gil drafts the {practice} statement of {month:%Y-%m}"
    stage.expect(drafted, 201, words, lambda it: f"{it['number']}: {it['amount']} USD, {it['outcome']}")
    for line in drafted["working"][:6]:
        stage.tell(f"    {line['label']}", line["amount"])
    approval = f"{path}/{drafted['id']}/approval"
    stage.refused(
        gil.call("POST", approval, {"amount": drafted["amount"]}),
        403,
        "Gil cannot approve it",
        policy="wall.reserved-decision",
    )
    done = signer.call("POST", approval, {"amount": drafted["amount"]})
    stage.expect(done, 200, "The owner of the practice approves it", lambda it: it["status"])
    if Decimal(drafted["amount"]) > 0:
        both_books(stage, practice, drafted["id"])


def both_books(stage: Stage, practice: str, statement_id: str) -> None:
    """The two sides of the fee, equal and linked."""
    gil = stage.person("gil.fontaine")
    sides = [
        gil.all(f"{stage.entity(whose, 'billing')}/journal", source_id=statement_id) for whose in (practice, "mso")
    ]
    stage.require(all(len(side) == 1 for side in sides), f"both books have the fee: {sides}")
    theirs, ours = sides[0][0], sides[1][0]
    stage.require(theirs["total"] == ours["total"] and theirs["link_id"] == ours["link_id"], "the sides are one piece")
    stage.tell(
        "Both books have their side, in one piece", f"{theirs['number']} and {ours['number']}, {ours['total']} USD"
    )


def forbidden_in_new_york(stage: Stage, month: date) -> None:
    """A percentage fee for New York is blocked, with policy and source."""
    answer = propose(
        stage,
        "NY",
        "fee.pct_gross",
        month,
        percent="12",
        base_accounts=["4000"],
        excludes_marketing=True,
        excludes_federal=True,
    )
    stage.require(answer.status in (409, 422), f"a percentage fee for NY: {answer.status} {answer.body}")
    stage.refused(answer, answer.status, "Gil proposes 12 % of gross revenue for New York", says="NY")


def opinion(stage: Stage, practice: str, model: str, basis: str, low: str, mid: str, high: str) -> None:
    """A fair-market-value opinion on file, once."""
    path = f"{stage.entity(practice, 'billing')}/fmv-opinions"
    gil = stage.person("gil.fontaine")
    if any(found["fee_model"] == model for found in gil.all(path)):
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
    statement(stage, "NY", "dr.weiss", month)


def percentage_in_california(stage: Stage, month: date) -> None:
    """California: a percentage of gross, with a fair-market-value opinion."""
    opinion(stage, "CA", "fee.pct_gross", "percent", "10", "14", "18")
    terms = {"percent": "14", "base_accounts": ["4000"], "excludes_marketing": True, "excludes_federal": True}
    agreed(stage, "CA", "dr.nakamura", "fee.pct_gross", month, **terms)
    statement(stage, "CA", "dr.nakamura", month)


def cost_plus_in_texas(stage: Stage, month: date) -> None:
    """Texas: what the MSO bought for the sites this month, plus a fixed mark-up."""
    opinion(stage, "TX", "fee.cost_plus", "percent", "6", "8", "10")
    agreed(stage, "TX", "dr.delgado", "fee.cost_plus", month, percent="8", cost_categories=["supplies"])
    buy_for_austin(stage)
    statement(stage, "TX", "dr.delgado", month)


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
    terms = {"percent": "12", "base_accounts": ["4000"], "excludes_marketing": True, "excludes_federal": True}
    proposed = stage.expect(
        propose(stage, prospect.key, "fee.pct_gross", month, **terms),
        201,
        f"Gil proposes 12 % of gross revenue for {prospect.company.name}: nobody has researched Utah's rule",
        lambda it: f"{it['outcome']}: {it['checks'][0]['why']}",
    )
    stage.require(proposed["outcome"] == "held", f"held for counsel: {proposed.body}")
    approval = prospect.owner().call("POST", f"{entity}/fee-terms/{proposed['id']}/approval", {})
    stage.refused(approval, 409, "Not even the owner can approve it before counsel has spoken")
