"""The works as a person's client does them: through the gateway's public API."""

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.bench.generator import Step
from tests.bench.wire import Wire, request

Place = tuple[str, str]  # location, legal entity


def order(number: int, port: int, token: str, sites: list[Place], needs: list[dict[str, Any]]) -> Step:
    """Draft and submit a requisition of five lines, in one request."""

    def make(site: str, chance: random.Random) -> bytes:
        lines = [{**need, "quantity": str(chance.randint(1, 9))} for need in chance.sample(needs, 5)]
        body = json.dumps({"lines": lines, "submit": True}).encode()
        return request("POST", f"/v1/locations/{site}/procurement/requisitions", token, body)

    return _everywhere(number, port, sites, make, 201)


def newest(number: int, port: int, token: str, sites: list[Place]) -> Step:
    """The newest 50 orders of a site."""

    def make(site: str, _: random.Random) -> bytes:
        return request("GET", f"/v1/locations/{site}/procurement/orders?limit=50", token)

    return _everywhere(number, port, sites, make, 200)


def spend(number: int, port: int, token: str, sites: list[Place], first: str, last: str) -> Step:
    """What a site spent, by month."""

    def make(site: str, _: random.Random) -> bytes:
        return request("GET", f"/v1/locations/{site}/procurement/spend?first={first}&last={last}", token)

    return _everywhere(number, port, sites, make, 200)


def _everywhere(
    number: int, port: int, sites: list[Place], make: Callable[[str, random.Random], bytes], expected: int
) -> Step:
    wire, chance = Wire(port), random.Random(number)

    def step() -> None:
        wire.send(make(chance.choice(sites)[0], chance), expected)

    return step


def revenue(number: int, port: int, token: str, charges: list[dict[str, str]], clients: int) -> Step:
    """Invoice a charge, which posts it, and pay the invoice, which posts that."""
    wire, left = Wire(port), charges[number::clients]

    def step() -> None:
        charge = left.pop()
        base = f"/v1/locations/{charge['location_id']}/billing"
        account = {"account_id": charge["account_id"]}
        issue = {**account, "charge_ids": [charge["id"]]}
        issued = json.loads(wire.send(_keyed(f"{base}/invoices", token, issue), 201))
        share = {"invoice_id": issued["id"], "amount": issued["total"]}
        pay = {**account, "method": "card", "amount": issued["total"], "allocations": [share]}
        wire.send(_keyed(f"{base}/payments", token, pay), 201)

    return step


def _keyed(path: str, token: str, body: dict[str, Any]) -> bytes:
    return request("POST", path, token, json.dumps(body).encode(), f"Idempotency-Key: {uuid4()}\r\n")
