"""`make demo`: a month of the demo franchise, told through the gateway's public API by the people it names."""

from collections.abc import Callable
from pathlib import Path

from deploy.demo.scenes import books, buying, earning, fees, staff, wall
from deploy.demo.stage import Stage

VERIFY = 'make command do="gateway audit verify"'


def play(stage: Stage) -> None:
    """The whole story, scene by scene. Raises StoryBroken or Refused where an answer is not as it must be."""
    bought = buying.play(stage)
    books.play(stage, bought)
    staff.play(stage)
    earning.play(stage)
    fees.play(stage)
    wall.play(stage)
    summary(stage)


def summary(stage: Stage) -> None:
    """What the API says of the franchise now."""
    stage.chapter("What there is now, as the API says")
    ruth, gil = stage.person("ruth.adler"), stage.person("gil.fontaine")
    orders = gil.all("/v1/network/procurement/orders")
    receipts = gil.all("/v1/network/procurement/receipts")
    invoices = gil.all("/v1/network/billing/invoices")
    statements = gil.all("/v1/network/billing/fee-statements")
    decisions = ruth.all("/v1/network/gateway/reserved-decisions")
    trail = ruth.get("/v1/network/gateway/audit/verification").body
    stage.tell(f"{len(orders)} purchase orders, {len(receipts)} receipts")
    stage.tell(f"{len(invoices)} invoices, {len(statements)} fee statements")
    stage.tell(f"{len(decisions)} reserved decisions on record, {trail['entries']} entries in the audit chain")
    for whose, name in (
        ("CA", "Lakeside Aesthetics PC"),
        ("TX", "Lone Star Aesthetic Physicians PLLC"),
        ("mso", "the MSO"),
    ):
        found = gil.get(f"{stage.entity(whose, 'billing')}/trial-balance", as_of=str(stage.month_end)).body
        stage.tell(f"Books of {name}", f"debits {found['debit']} = credits {found['credit']}")
    stage.tell("To verify the audit chain yourself", VERIFY)


def tell(folder: Path, say: Callable[[str], None], base: str | None = None) -> Stage:
    """Play the story against the platform whose files stand in `folder`. Returns the stage."""
    stage = Stage(folder, say)
    if base:
        stage.at(base)
    play(stage)
    return stage
