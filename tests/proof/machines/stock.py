"""The stock ledger against a dictionary: lots on hand, first expired first out, never below zero."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.ids import new_id
from tests.procurement.shop import TOXIN, Shop, key, site_day
from tests.support.callers import Answer

# Lots and when they expire, counted from today: one is over, one ends today (and is usable through its day).
LOTS = {"OVER": -3, "TODAY": 0, "SOON": 10, "LATE": 300}
lots = st.sampled_from(sorted(LOTS))
quantities = st.integers(1, 400)


class StockMachine(RuleBasedStateMachine):
    """Counts, uses and wastes a toxin in four lots at one site."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.item = shop.item(TOXIN, "4800.00")
        self.on_hand: dict[str, int] = dict.fromkeys(LOTS, 0)

    def post(self, role: str, path: str, **body: Any) -> Answer:
        return self.shop.as_(role).post(path, json={"item_id": self.item, **body}, headers=key())

    @rule(lot=lots, found=st.integers(0, 600))
    def count(self, lot: str, found: int) -> None:
        body = {"lot": lot, "counted": str(found), "expires_on": str(expires(lot)), "unit_cost": "4.8000"}
        moved = self.post("location_manager", "/counts", **body)
        assert moved.status_code == 201, moved.json
        assert sum(Decimal(move["quantity"]) for move in moved.json["moves"]) == found - self.on_hand[lot]
        self.on_hand[lot] = found

    @rule(quantity=quantities)
    def use_whatever_expires_first(self, quantity: int) -> None:
        usable = [lot for lot in sorted(LOTS, key=expires) if LOTS[lot] >= 0]
        self.take("provider", "/stock/usage", usable, quantity, unit="unit")

    @rule(lot=lots, quantity=quantities)
    def use_of_a_lot(self, lot: str, quantity: int) -> None:
        known = [lot] if LOTS[lot] >= 0 else []
        self.take("provider", "/stock/usage", known, quantity, unit="unit", lot=lot)

    @rule(lot=lots, quantity=quantities)
    def waste(self, lot: str, quantity: int) -> None:
        more = {"unit": "unit", "lot": lot, "note": "Dropped", "witnessed_by": str(new_id())}
        self.take("provider", "/stock/waste", [lot], quantity, **more)

    @rule(lot=lots, quantity=quantities)
    def waste_without_a_witness(self, lot: str, quantity: int) -> None:
        body = {"unit": "unit", "lot": lot, "note": "Dropped", "quantity": str(quantity)}
        assert self.post("provider", "/stock/waste", **body).status_code == 403

    def take(self, role: str, path: str, from_lots: list[str], quantity: int, **body: Any) -> None:
        """Taken from these lots in their order, or refused as a whole."""
        answer = self.post(role, path, quantity=str(quantity), **body)
        if quantity > sum(self.on_hand[lot] for lot in from_lots):
            assert answer.status_code == 409, (answer.status_code, answer.json)
            return
        assert answer.status_code == 201, answer.json
        expected = []
        for lot in from_lots:
            taken = min(quantity, self.on_hand[lot])
            if taken:
                expected.append((lot, Decimal(-taken)))
                self.on_hand[lot] -= taken
                quantity -= taken
        assert [(move["lot"], Decimal(move["quantity"])) for move in answer.json["moves"]] == expected

    @invariant()
    def what_is_on_hand_is_what_the_model_has(self) -> None:
        rows = self.shop.as_("provider").get(f"/stock?item_id={self.item}&limit=200").json["items"]
        assert {row["lot"]: int(row["quantity"]) for row in rows} == {
            lot: quantity for lot, quantity in self.on_hand.items() if quantity
        }

    def teardown(self) -> None:
        """The moves sum to what is on hand, and an empty lot is worth nothing."""
        sums: dict[str, list[Decimal]] = {lot: [Decimal(0), Decimal(0)] for lot in LOTS}
        for move in pages(self.shop, f"/stock/moves?item_id={self.item}"):
            sums[move["lot"]][0] += Decimal(move["quantity"])
            sums[move["lot"]][1] += Decimal(move["value"])
        for lot, (quantity, value) in sums.items():
            assert quantity == self.on_hand[lot]
            assert value >= 0 and (quantity > 0 or value == 0), (lot, quantity, value)


def expires(lot: str) -> date:
    """The lot's expiry day at the site."""
    return site_day() + timedelta(days=LOTS[lot])


def pages(shop: Shop, path: str) -> list[dict[str, Any]]:
    """Every row of a list."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = shop.as_("network_buyer").get(f"{path}&limit=200" + (f"&cursor={cursor}" if cursor else "")).json
        rows += page["items"]
        cursor = page["next"]
    return rows
