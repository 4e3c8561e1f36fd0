"""Requisition to approved bill against counts: what was asked, ordered, received, billed and may be paid."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from tests.procurement.shop import PAPER, Shop, delivered, key
from tests.support.callers import Caller

PRICE = Decimal("40.00")
LIMIT = Decimal("5000.00")
ENOUGH = Decimal("100000.00")


@dataclass
class Need:
    """One requisition of paper and the order that came of it."""

    id: str
    quantity: int
    status: str = "draft"
    order: dict[str, Any] = field(default_factory=dict)
    received: int = 0


@dataclass
class Bill:
    """One bill for an order. `good`: its price is the order's."""

    id: str
    need: Need
    quantity: int
    good: bool
    status: str


class BuyingMachine(RuleBasedStateMachine):
    """Somebody at the site asks, a buyer approves, the site receives in parts, a clerk bills, a controller approves."""

    needs: Bundle[Need] = Bundle("needs")
    bills: Bundle[Bill] = Bundle("bills")

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        shop.item(PAPER, str(PRICE))
        self.requester, self.clerk = shop.as_("location_manager"), shop.as_("biller")
        self.all: list[Need] = []
        self.entered: list[Bill] = []
        self.slips = 0

    @initialize(target=needs)
    def an_order_that_came_in_part(self) -> Any:
        need: Any = self.ask(12, submit=True)
        self.approve(need, LIMIT)
        self.receive(need, 8)
        assert need.received == 8
        return need

    @rule(target=needs, quantity=st.sampled_from([4, 12, 130]), submit=st.booleans())
    def ask(self, quantity: int, submit: bool) -> Need:
        line = self.shop.line("PAPER", str(quantity), "carton")
        answer = self.shop.draft(line, requester=self.requester, submit=submit)
        assert answer.status_code == 201, answer.json
        assert Decimal(answer.json["total"]) == quantity * PRICE
        self.all.append(Need(answer.json["id"], quantity, "submitted" if submit else "draft"))
        return self.all[-1]

    @rule(need=needs)
    def submit(self, need: Need) -> None:
        self.step(need, "submission", self.requester, {"draft": "submitted"})

    @rule(need=needs)
    def cancel(self, need: Need) -> None:
        self.step(need, "cancellation", self.requester, {"draft": "cancelled", "submitted": "cancelled"})

    @rule(need=needs)
    def approve_ones_own(self, need: Need) -> None:
        answer = self.requester.post(f"/requisitions/{need.id}/approval")
        assert answer.status_code in (403, 409), answer.json
        assert need.status != "submitted" or answer.status_code == 403

    @rule(need=needs, limit=st.sampled_from([LIMIT, ENOUGH]))
    def approve(self, need: Need, limit: Decimal) -> None:
        buyer = self.shop.as_("network_buyer", limits={"approval": limit})
        if need.status == "submitted" and need.quantity * PRICE > limit:
            assert buyer.post(f"/requisitions/{need.id}/approval").status_code == 403
        elif self.step(need, "approval", buyer, {"submitted": "approved"}):
            [need.order] = self.shop.orders(need.id)
            assert Decimal(need.order["total"]) == need.quantity * PRICE

    @rule(need=needs, quantity=st.integers(1, 9))
    def receive(self, need: Need, quantity: int) -> None:
        if not need.order:
            return
        self.slips += 1
        line = delivered(need.order["lines"][0], str(quantity))
        answer = self.shop.receive(need.order, f"PS-{self.slips}", line)
        fits = need.received + quantity <= need.quantity
        assert answer.status_code == (201 if fits else 409), answer.json
        need.received += quantity if fits else 0

    @rule(target=bills, need=needs, quantity=st.integers(1, 9), good=st.booleans())
    def bill(self, need: Need, quantity: int, good: bool) -> Any:
        if not need.order:
            return multiple()
        price = PRICE if good else PRICE * 2
        line = {"order_line_id": need.order["lines"][0]["id"], "quantity": str(quantity), "unit_price": str(price)}
        number = f"INV-{len(self.entered)}"
        answer = self.shop.bill(need.order, number, caller=self.clerk, total=str(price * quantity), lines=[line])
        assert answer.status_code == 201, answer.json
        matched = good and quantity <= need.received - self.billed(need)
        made = Bill(answer.json["id"], need, quantity, good, "matched" if matched else "held")
        self.entered.append(made)
        assert answer.json["status"] == made.status, (answer.json, need, self.billed(need))
        return made

    @rule(bill=bills)
    def match_again(self, bill: Bill) -> None:
        answer = self.clerk.post(f"/bills/{bill.id}/match")
        if bill.status == "approved":
            assert answer.status_code == 409, answer.json
            return
        bill.status = "matched" if self.fits(bill) else "held"
        assert (answer.status_code, answer.json["status"]) == (200, bill.status), answer.json

    @rule(bill=bills)
    def approve_the_bill(self, bill: Bill) -> None:
        controller = self.shop.as_("controller", limits={"approval": ENOUGH * 100})
        answer = controller.post(f"/bills/{bill.id}/approval", headers=key())
        payable = bill.status != "approved" and self.fits(bill)  # it is matched once more before
        assert answer.status_code == (200 if payable else 409), (answer.json, bill)
        if payable:
            bill.status = "approved"
            assert Decimal(answer.json["accrued"]) == bill.quantity * PRICE

    @rule(bill=bills)
    def approve_a_bill_one_entered(self, bill: Bill) -> None:
        mine = self.clerk.but(roles=frozenset({"controller"}), limits={"approval": ENOUGH * 100})
        assert mine.post(f"/bills/{bill.id}/approval", headers=key()).status_code in (403, 409)

    @invariant()
    def orders_and_bills_stand_as_in_the_model(self) -> None:
        for need in self.all[-2:]:
            if need.order:
                order = self.clerk.get(f"/orders/{need.order['id']}").json
                base = Decimal(need.received) * Decimal(order["lines"][0]["base_quantity"]) / need.quantity
                assert Decimal(order["lines"][0]["received"]) == base
            approved = sum(one.quantity for one in self.entered if one.need is need and one.status == "approved")
            assert approved <= need.received <= need.quantity

    def step(self, need: Need, verb: str, caller: Caller, allowed: dict[str, str]) -> bool:
        """A step that moves the requisition on from these states only; whether it did."""
        answer = caller.post(f"/requisitions/{need.id}/{verb}")
        if need.status not in allowed:
            assert answer.status_code == 409, (need.status, verb, answer.json)
            return False
        assert answer.status_code == 200, answer.json
        need.status = allowed[need.status]
        return True

    def fits(self, bill: Bill) -> bool:
        """Whether the match finds nothing against it now."""
        return bill.good and bill.quantity <= bill.need.received - self.billed(bill.need, but=bill)

    def billed(self, need: Need, but: Bill | None = None) -> int:
        """What matched and approved bills already ask for."""
        others = [one for one in self.entered if one.need is need and one is not but]
        return sum(one.quantity for one in others if one.status in ("matched", "approved"))
