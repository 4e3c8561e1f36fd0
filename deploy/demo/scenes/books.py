"""Books: each fact of buying reaches billing by events and stands in the ledger of the right legal entity."""

from decimal import Decimal
from functools import partial
from typing import Any

from deploy.demo.scenes.buying import Bought
from deploy.demo.stage import Stage

OWED, PAYABLE = "2100", "2000"  # goods received not invoiced; accounts payable


def play(stage: Stage, bought: Bought) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("2. Books: what was bought stands in the right ledger")
    for order in bought.orders:
        whose = "mso" if order["legal_entity_id"] == stage.ids["mso"] else "CA"
        stage.eventually(
            partial(_received, stage, order, whose),
            f"{order['number']}: goods received, not invoiced, in the books of {order['buyer_name']}",
            lambda amount: f"{amount} USD",
        )
    payable = stage.eventually(
        lambda: _entries(stage, "CA", bought.bill["id"]),
        "The approved bill turns what was owed for goods into a payable",
        lambda found: _shown(found[0]),
    )
    stage.require(
        any(line["account_code"] == PAYABLE and Decimal(line["credit"]) > 0 for line in payable[0]["lines"]),
        f"the bill is payable: {payable}",
    )
    balance(stage, "CA")


def _received(stage: Stage, order: dict[str, Any], whose: str) -> Decimal | None:
    dana, gil = stage.person("dana.reyes"), stage.person("gil.fontaine")
    receipts = dana.all(f"{stage.site('OAK', 'procurement')}/receipts", order_id=order["id"])
    total = Decimal(0)
    for receipt in receipts:
        found = gil.all(f"{stage.entity(whose, 'billing')}/journal", source_id=receipt["id"])
        if not found:
            return None
        total += sum(
            (Decimal(line["credit"]) for line in found[0]["lines"] if line["account_code"] == OWED), Decimal(0)
        )
    return total


def _entries(stage: Stage, whose: str, source_id: str) -> list[dict[str, Any]]:
    return stage.person("gil.fontaine").all(f"{stage.entity(whose, 'billing')}/journal", source_id=source_id)


def _shown(entry: dict[str, Any]) -> str:
    sides = (
        f"{'Dr' if Decimal(line['debit']) else 'Cr'} {line['account_code']} "
        f"{line['debit'] if Decimal(line['debit']) else line['credit']}"
        for line in entry["lines"]
    )
    return f"{entry['number']}: {', '.join(sides)}"


def balance(stage: Stage, whose: str) -> None:
    """The trial balance of an entity: debits equal credits."""
    gil = stage.person("gil.fontaine")
    found = gil.get(f"{stage.entity(whose, 'billing')}/trial-balance", as_of=str(stage.month_end)).body
    debit, credit = Decimal(str(found["debit"])), Decimal(str(found["credit"]))
    stage.require(debit == credit, f"the books of {whose} balance: {found}")
    stage.tell(f"The books of {whose} balance", f"debits {debit} = credits {credit}")
