"""Books: each fact of buying reaches billing by events and stands in the ledger of the right legal entity."""

from decimal import Decimal
from functools import partial
from typing import Any

from deploy.demo.scenes.buying import Bought
from deploy.demo.stage import Stage, company

OWED, PAYABLE = "2100", "2000"  # goods received not invoiced; accounts payable


def play(stage: Stage, bought: Bought) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("2. Books: what was bought stands in the right ledger")
    for order in bought.orders:
        received_not_invoiced(stage, order)
    for bill in bought.bills:
        owed(stage, next(order for order in bought.orders if order["id"] == bill["order_id"]), bill)
    for whose in ("CA", "mso"):
        balance(stage, whose)


def _keys(stage: Stage, order: dict[str, Any]) -> tuple[str, str]:
    """Whose books an order belongs in, and whose it does not."""
    return ("mso", "CA") if order["legal_entity_id"] == stage.ids["mso"] else ("CA", "mso")


def received_not_invoiced(stage: Stage, order: dict[str, Any]) -> None:
    """Each receipt of an order stands in its buyer's books, and only there, with the amount of the receipt."""
    whose, other = _keys(stage, order)
    receipts = _receipts(stage, order)
    found = stage.eventually(
        partial(_all_posted, stage, whose, receipts),
        f"{order['number']}: goods received, not invoiced, in the books of {order['buyer_name']}",
        lambda entries: f"{sum(_credit(entry, OWED) for entry in entries)} USD",
    )
    stage.require(bool(receipts), f"{order['number']} was received")
    for receipt, entry in zip(receipts, found, strict=True):
        amounts = {Decimal(receipt["amount"]), Decimal(entry["total"]), _credit(entry, OWED)}
        stage.require(len(amounts) == 1, f"the entry is over what was received: {receipt} {entry}")
        elsewhere = _entries(stage, other, receipt["id"])
        stage.require(not elsewhere, f"{receipt['number']} also stands in other books: {elsewhere}")


def owed(stage: Stage, order: dict[str, Any], bill: dict[str, Any]) -> None:
    """An approved bill makes of what its receipts accrued a payable: nothing of the order is left uninvoiced."""
    whose, other = _keys(stage, order)
    posted = stage.eventually(
        partial(_all_posted, stage, whose, [bill]),
        f"The approved bill for {order['number']} turns what was owed for goods into a payable",
        lambda entries: _shown(entries[0]),
    )[0]
    stage.require(_credit(posted, PAYABLE) == Decimal(bill["total"]), f"all of the bill is payable: {bill} {posted}")
    stage.require(not _entries(stage, other, bill["id"]), f"the bill also stands in the books of {other}")
    accrued = [entry for receipt in _receipts(stage, order) for entry in _entries(stage, whose, receipt["id"])]
    left = sum((_credit(entry, OWED) for entry in [*accrued, posted]), Decimal(0))
    stage.require(left == 0, f"{left} of {order['number']} is still not invoiced: {accrued} {posted}")
    stage.tell(f"Of {order['number']} nothing is left that was received and not invoiced", f"{left} USD")


def _receipts(stage: Stage, order: dict[str, Any]) -> list[dict[str, Any]]:
    return stage.person("dana.reyes").all(f"{stage.site('OAK', 'procurement')}/receipts", order_id=order["id"])


def _all_posted(stage: Stage, whose: str, sources: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The one entry of each source in somebody's books, or None while one is missing."""
    found = [_entries(stage, whose, source["id"]) for source in sources]
    stage.require(all(len(entries) <= 1 for entries in found), f"each fact stands once in the books: {found}")
    return [entries[0] for entries in found] if all(found) else None


def _entries(stage: Stage, whose: str, source_id: str) -> list[dict[str, Any]]:
    return stage.person("gil.fontaine").all(f"{stage.entity(whose, 'billing')}/journal", source_id=source_id)


def _credit(entry: dict[str, Any], account: str) -> Decimal:
    """What an entry puts on an account: credits less debits."""
    lines = [line for line in entry["lines"] if line["account_code"] == account]
    return sum((Decimal(line["credit"]) - Decimal(line["debit"]) for line in lines), Decimal(0))


def _shown(entry: dict[str, Any]) -> str:
    sides = (
        f"{'Dr' if Decimal(line['debit']) else 'Cr'} {line['account_code']} "
        f"{line['debit'] if Decimal(line['debit']) else line['credit']}"
        for line in entry["lines"]
    )
    return f"{entry['number']}: {', '.join(sides)}"


def balance(stage: Stage, whose: str) -> None:
    """The trial balance of an entity: debits equal credits, in all and as the sum of its accounts."""
    gil = stage.person("gil.fontaine")
    found = gil.get(f"{stage.entity(whose, 'billing')}/trial-balance", as_of=str(stage.month_end)).body
    sides = {side: Decimal(found[side]) for side in ("debit", "credit")}
    summed = {side: sum(Decimal(account[side]) for account in found["items"]) for side in sides}
    stage.require(sides == summed and sides["debit"] == sides["credit"] > 0, f"the books of {whose} balance: {found}")
    stage.tell(f"The books of {company(whose)} balance", f"debits {sides['debit']} = credits {sides['credit']}")
