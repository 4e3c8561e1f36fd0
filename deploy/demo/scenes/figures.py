"""The fees of the story, figured once more from the terms, the ledger and the receipts."""

from calendar import monthrange
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from deploy.demo.stage import Stage

REVENUE = "4000"


def _terms(stage: Stage, practice: str, settled: dict[str, Any]) -> dict[str, Any]:
    """The approved terms a statement was figured by."""
    path = f"{stage.entity(practice, 'billing')}/fee-terms"
    found: dict[str, Any] = stage.person("gil.fontaine").get(f"{path}/{settled['terms_id']}").body
    stage.require(found["status"] == "approved", f"the owner approved the terms: {found}")
    return found


def _share(percent: str, amount: Decimal) -> Decimal:
    return (Decimal(percent) * amount / 100).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def _fee_lines(stage: Stage, settled: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of the working that make the fee: it is their sum."""
    lines = [line for line in settled["working"] if line["section"] == "fee"]
    total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    stage.require(total == Decimal(settled["amount"]), f"the fee is the sum of its lines: {settled}")
    return lines


def flat_amount(stage: Stage, settled: dict[str, Any]) -> None:
    """A month in force costs what the terms say."""
    agreed_amount = _terms(stage, "NY", settled)["monthly_amount"]
    lines = _fee_lines(stage, settled)
    stage.require(
        len(lines) == 1 and Decimal(settled["amount"]) == Decimal(agreed_amount), f"{agreed_amount} is due: {settled}"
    )


def percentage_of_revenue(stage: Stage, settled: dict[str, Any]) -> None:
    """The base is the month's revenue in the books as it stood when the fee was figured; the fee is its percentage."""
    base, percent = Decimal(settled["base"]), _terms(stage, "CA", settled)["percent"]
    of_the_month, *corrections = _fee_lines(stage, settled)  # corrections: of the base of earlier months
    stage.require(Decimal(of_the_month["amount"]) == _share(percent, base), f"{percent} % of {base} is due: {settled}")
    fair = all(Decimal(line["amount"]) == _share(line["rate"], Decimal(line["quantity"])) for line in corrections)
    stage.require(fair, f"each correction is the percentage of what moved: {corrections}")
    revenue = _revenue(stage, settled)
    stage.require(revenue == base, f"the base {base} is the revenue in the books: {revenue}")
    stage.tell(f"That is {_plain(percent)} % of the revenue in the practice's books", f"of {revenue} USD")


def _revenue(stage: Stage, settled: dict[str, Any]) -> Decimal:
    first, last = _days(settled)
    journal = f"{stage.entity('CA', 'billing')}/journal"
    entries = stage.person("gil.fontaine").all(journal, posted_from=str(first), posted_to=str(last))
    lines = [line for entry in entries if _before(entry, settled) for line in entry["lines"]]
    of_revenue = [line for line in lines if line["account_code"] == REVENUE]
    return sum((Decimal(line["credit"]) - Decimal(line["debit"]) for line in of_revenue), Decimal(0))


def _days(settled: dict[str, Any]) -> tuple[date, date]:
    first = date.fromisoformat(f"{settled['month']}-01")
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def _before(fact: dict[str, Any], settled: dict[str, Any]) -> bool:
    """Whether something was posted before the statement was figured."""
    return datetime.fromisoformat(fact["posted_at"]) <= datetime.fromisoformat(settled["drafted_at"])


def cost_and_mark_up(stage: Stage, settled: dict[str, Any]) -> None:
    """The pool is what the MSO received for the sites, receipt by receipt; the fee adds the agreed mark-up."""
    found = _terms(stage, "TX", settled)
    allowed = [line for line in settled["working"] if line["label"] in found["cost_categories"]]
    pool = sum((Decimal(line["amount"]) for line in allowed), Decimal(0))
    due = pool + _share(found["percent"], pool)
    _fee_lines(stage, settled)
    stage.require(Decimal(settled["amount"]) == due, f"{pool} and {found['percent']} % of it are due: {settled}")
    charged = _by_receipt(allowed)
    received = _received_by_the_mso(stage)
    same = {receipt["number"]: Decimal(receipt["amount"]) for receipt in received if receipt["number"] in charged}
    stage.require(charged == same, f"the pool {charged} is what was received: {same}")
    first, last = map(str, _days(settled))
    of_the_month = {
        receipt["number"]
        for receipt in received
        if first <= receipt["received_on"] <= last and _before(receipt, settled)
    }
    stage.require(of_the_month <= set(charged), f"no receipt of the month is left out: {of_the_month} {charged}")
    words = f"That is the cost of {', '.join(sorted(charged))} and {_plain(found['percent'])} % of it"
    stage.tell(words, f"{pool} USD and {due - pool} USD")


def _by_receipt(costs: list[dict[str, Any]]) -> dict[str, Decimal]:
    """The costs of a working by the receipt their document names first."""
    charged: dict[str, Decimal] = {}
    for line in costs:
        number = line["document"].split()[0]
        charged[number] = charged.get(number, Decimal(0)) + Decimal(line["amount"])
    return charged


def _received_by_the_mso(stage: Stage) -> list[dict[str, Any]]:
    """Receipts of the Texan sites in the MSO's name."""
    gil = stage.person("gil.fontaine")
    receipts = [each for site in ("AUS", "DAL") for each in gil.all(f"{stage.site(site, 'procurement')}/receipts")]
    return [each for each in receipts if each["legal_entity_id"] == stage.ids["mso"]]


def _plain(number: str) -> str:
    return f"{Decimal(number).normalize():f}"
