"""Idempotency keys against a dictionary: one key, one deed, one answer; also when the database dies at the commit."""

from typing import Any

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.procurement.shop import PAPER, Shop

keys = st.sampled_from(["a", "b", "c", "d"])
quantities = st.integers(1, 3)
CRASH = """
create table proof_crash (armed boolean not null);
insert into proof_crash values (false);
grant select on proof_crash to public;
create function proof_crash() returns trigger language plpgsql as $$
begin
  if (select armed from proof_crash) then
    raise exception 'the machine went down' using errcode = '57P01';
  end if;
  return null;
end $$;
create constraint trigger proof_crash after insert on idempotency_key deferrable initially deferred
  for each row execute function proof_crash();
"""


class Crash:
    """Makes commits of requests with an idempotency key fail: all is done by then, and nothing is kept."""

    def __init__(self, owner_url: str) -> None:
        self._connection = psycopg.connect(owner_url, autocommit=True)
        self._connection.execute(CRASH)

    def arm(self, armed: bool) -> None:
        """From now on, or no more."""
        self._connection.execute("update proof_crash set armed = %s", [armed])

    def close(self) -> None:
        self._connection.close()


class KeyMachine(RuleBasedStateMachine):
    """Drafts requisitions under four keys."""

    def __init__(self, shop: Shop, crash: Crash) -> None:
        super().__init__()
        self.shop, self.crash = shop, crash
        shop.item(PAPER, "40.00")
        self.requester = shop.as_("location_manager")
        self.answers: dict[str, tuple[int, str, Any]] = {}
        self.unkeyed = 0

    def send(self, key: str | None, quantity: int, sku: str = "PAPER") -> Any:
        unit = "carton" if sku == "PAPER" else "nothing"
        body = {"lines": [self.shop.line("PAPER", str(quantity), unit)]}
        headers = {"Idempotency-Key": key} if key else {}
        return self.requester.post("/requisitions", json=body, headers=headers)

    @rule(key=keys, quantity=quantities)
    def ask(self, key: str, quantity: int) -> None:
        self.check(key, f"PAPER {quantity}", self.send(key, quantity), 201)

    @rule(key=keys, quantity=quantities)
    def ask_for_what_cannot_be(self, key: str, quantity: int) -> None:
        self.check(key, f"nothing {quantity}", self.send(key, quantity, "nothing"), None)

    @rule(key=keys, quantity=quantities)
    def go_down_at_the_commit(self, key: str, quantity: int) -> None:
        self.crash.arm(True)
        try:
            answer = self.send(key, quantity)
        finally:
            self.crash.arm(False)
        if key in self.answers:
            self.check(key, f"PAPER {quantity}", answer, 201)
        else:
            assert answer.status_code >= 500, (answer.status_code, answer.json)

    @rule(quantity=quantities)
    def ask_without_a_key(self, quantity: int) -> None:
        assert self.send(None, quantity).status_code == 201
        self.unkeyed += 1

    @rule(key=keys, quantity=quantities)
    def somebody_else_has_the_same_key(self, key: str, quantity: int) -> None:
        body = {"lines": [self.shop.line("PAPER", str(quantity), "carton")]}
        other = self.shop.as_("front_desk").post("/requisitions", json=body, headers={"Idempotency-Key": key})
        assert (other.status_code, other.headers.get("Idempotent-Replayed")) == (201, None)
        self.unkeyed += 1

    def check(self, key: str, said: str, answer: Any, status: int | None) -> None:
        """A new key gets an answer of its own, a known one its first answer or, for other words, a refusal."""
        first = self.answers.get(key)
        if first is None:
            assert answer.headers.get("Idempotent-Replayed") is None
            assert answer.status_code == status or (status is None and 400 <= answer.status_code < 500), answer.json
            self.answers[key] = (answer.status_code, said, answer.json)
        elif first[1] == said:
            assert (answer.status_code, answer.json) == (first[0], first[2])
            assert answer.headers["Idempotent-Replayed"] == "true"
        else:
            assert (answer.status_code, answer.json["type"]) == (422, "/docs/problems#idempotency-key-reused")

    @invariant()
    def as_many_were_drafted_as_were_answered(self) -> None:
        listed = self.shop.as_("network_buyer").get("/requisitions?limit=200").json["items"]
        done = {answer["id"] for status, _, answer in self.answers.values() if status == 201}
        assert len(listed) == len(done) + self.unkeyed
        assert done <= {row["id"] for row in listed}
