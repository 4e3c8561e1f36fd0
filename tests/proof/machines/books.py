"""The ledger against a dictionary of balances: entries, reversals, months that close and open."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from shared.ids import new_id
from tests.billing.office import Office
from tests.support.callers import Caller

ACCOUNTS = ("1000", "1200", "6900", "2000")
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")
LATEST = "2026-11-22"
months = st.sampled_from(MONTHS)
days = st.sampled_from([*(f"{month}-15" for month in MONTHS), LATEST])
amounts = st.lists(st.integers(1, 10_000_000), min_size=1, max_size=3)


class LedgerMachine(RuleBasedStateMachine):
    """Posts, reverses, closes and reopens in the books of one practice, on 22 November 2026."""

    entries: Bundle[str] = Bundle("entries")

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.caller: Caller = office.controller(office.franchise.ca)
        self.balances: dict[str, int] = {}
        self.months: dict[str, str] = {}
        self.posted: dict[str, dict[str, int]] = {}
        self.reversals: dict[str, str] = {}

    @rule(target=entries, on=days, cents=amounts, turn=st.integers(0, 3))
    def post(self, on: str, cents: list[int], turn: int) -> Any:
        names = [ACCOUNTS[(turn + at) % 4] for at in range(len(cents) + 1)]
        sides = {names[0]: sum(cents), **{name: -amount for name, amount in zip(names[1:], cents, strict=True)}}
        answer = self.send("/journal", posted_on=on, memo="By hand", lines=lines(sides))
        if self.months.get(on[:7]) == "closed":
            assert answer.status_code == 409, answer.json
            return multiple()
        assert answer.status_code == 201, answer.json
        self.book(on, sides)
        self.posted[answer.json["id"]] = sides
        return answer.json["id"]

    @rule(on=days, amount=st.integers(1, 9999), off=st.integers(1, 9999))
    def post_what_does_not_balance(self, on: str, amount: int, off: int) -> None:
        sides = lines({"1000": amount, "6900": -(amount + off)})
        assert self.send("/journal", posted_on=on, memo="Wrong", lines=sides).status_code in (409, 422)

    @rule(entry=entries, on=days)
    def reverse(self, entry: str, on: str) -> None:
        answer = self.send(f"/journal/{entry}/reversal", posted_on=on, memo="Undone")
        if entry in self.reversals:
            assert answer.status_code in (200, 201), answer.json
            assert answer.json["id"] == self.reversals[entry]
        elif self.months.get(on[:7]) == "closed":
            assert answer.status_code == 409, answer.json
        else:
            assert answer.status_code == 201, answer.json
            self.reversals[entry] = answer.json["id"]
            self.book(on, {name: -amount for name, amount in self.posted[entry].items()})

    @rule(month=st.sampled_from([*MONTHS, LATEST[:7]]))
    def close(self, month: str) -> None:
        answer = self.caller.post(f"/periods/{month}/closing", json={"accept_warnings": True, "note": "Closed"})
        earlier_open = any(status == "open" for other, status in self.months.items() if other < month)
        if month == LATEST[:7] or self.months.get(month) == "closed" or earlier_open:
            assert answer.status_code == 409, answer.json
        else:
            assert answer.status_code == 200, answer.json
            self.months[month] = "closed"

    @rule(month=months)
    def reopen(self, month: str) -> None:
        answer = self.caller.post(f"/periods/{month}/reopening", json={"reason": "A bill was forgotten"})
        if self.months.get(month) == "closed":
            assert answer.status_code == 200, answer.json
            self.months[month] = "open"
        else:
            assert answer.status_code in (404, 409), answer.json

    @invariant()
    def the_trial_balance_is_the_models(self) -> None:
        answer = self.caller.get(f"/trial-balance?as_of={LATEST}").json
        assert answer["debit"] == answer["credit"]
        found = {row["code"]: int(Decimal(row["balance"]) * 100) for row in answer["items"]}
        assert {code: cents for code, cents in found.items() if cents} == {
            code: cents for code, cents in self.balances.items() if cents
        }

    def send(self, path: str, **body: Any) -> Any:
        return self.caller.post(path, json=body, headers={"Idempotency-Key": str(new_id())})

    def book(self, on: str, sides: dict[str, int]) -> None:
        """Note an entry that was accepted; with its first entry a month is open."""
        self.months.setdefault(date.fromisoformat(on).strftime("%Y-%m"), "open")
        for name, cents in sides.items():
            self.balances[name] = self.balances.get(name, 0) + cents


def lines(sides: dict[str, int]) -> list[dict[str, str]]:
    """Journal lines of cents by account, debits above zero."""
    return [
        {"account_code": name, "debit" if cents > 0 else "credit": f"{Decimal(abs(cents)) / 100:.2f}"}
        for name, cents in sides.items()
    ]
