"""The steady load: a franchise that buys, pays, hires, charges and moves, at several desks at once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from stdnum import luhn

from deploy.demo.scenes import bills, buying, earning
from deploy.demo.scenes.buying import need, priced
from deploy.demo.stage import Stage
from tests.proof.faults.asking import Desk, Journal, NotDone

Chain = Callable[[Desk], None]


def prepare(stage: Stage) -> None:
    """Before the first fault: a formulary, a purpose grant, a tax rule. Raises StoryBroken."""
    buying.play(stage)
    earning.play(stage)


class Load:
    """Desks that work until told to stop; what a desk cannot bear ends the run."""

    def __init__(self, make_stage: Callable[[], Stage], journal: Journal, seed: int) -> None:
        self.journal = journal
        self.broken: list[BaseException] = []
        stages = {name: make_stage() for name in CHAINS}
        self.desks = {name: Desk(name, stage, journal, seed) for name, stage in stages.items()}
        self._threads = [
            threading.Thread(target=self._work, args=(CHAINS[name], desk), name=name, daemon=True)
            for name, desk in self.desks.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Every desk gets the answer it waits for, and goes home."""
        self.journal.stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, chain: Chain, desk: Desk) -> None:
        while not self.journal.stop.is_set():
            try:
                chain(desk)
                desk.rest()
            except NotDone:
                continue
            except BaseException as error:
                self.broken.append(error)
                raise


def buy_in_oakland(desk: Desk) -> None:
    """Gloves and paper: asked for, approved, received in two parts, billed, approved, used."""
    gloves = _item(desk, "dana.reyes", "OAK", "glove")
    _buy(desk, "OAK", "dana.reyes", "finn.hart", [gloves, _item(desk, "dana.reyes", "OAK", "paper")])
    _use(desk, "OAK", "dana.reyes", gloves)


def buy_in_austin(desk: Desk) -> None:
    """Paper for Austin, a cost of the MSO."""
    _buy(desk, "AUS", "jo.rivera", "jo.rivera", [_item(desk, "jo.rivera", "AUS", "paper")])


def _item(desk: Desk, key: str, site: str, word: str) -> dict[str, Any]:
    """An item with its price; looked up once a desk."""
    kept: dict[str, Any] = desk.__dict__.setdefault("items", {})
    if word not in kept:
        person = desk.stage.person(key, "business")
        items = person.all(f"{desk.stage.site(site, 'procurement')}/items")
        found = min((item for item in items if word in item["name"].lower()), key=lambda item: str(item["sku"]))
        kept[word] = priced(desk.stage, key, site, found)
    return dict(kept[word])


def _buy(desk: Desk, site: str, manager: str, receiver: str, items: list[dict[str, Any]]) -> None:
    stage, at = desk.stage, desk.stage.site(site, "procurement")
    asks, gil = stage.person(manager, "business"), stage.person("gil.fontaine")
    key = desk.next_key()
    body = {"lines": [need(item, "2") for item in items], "note": key, "submit": True}
    made = desk.ask(asks, f"{at}/requisitions", body, key=key)
    desk.rest()
    desk.ask(gil, f"{at}/requisitions/{made['id']}/approval", {})
    for short in desk.look(asks, f"{at}/orders", requisition_id=made["id"])["items"]:
        order = desk.look(asks, f"{at}/orders/{short['id']}").body
        for _ in range(2):
            _receive(desk, at, receiver, order)
        _pay(desk, at, order)


def _receive(desk: Desk, at: str, receiver: str, order: dict[str, Any]) -> None:
    """One of the two that were ordered."""
    key = desk.next_key()
    lines = [{"order_line_id": line["id"], "quantity": "1"} for line in order["lines"]]
    path = f"{at}/orders/{order['id']}/receipts"
    desk.ask(desk.stage.person(receiver, "business"), path, {"packing_slip": key, "lines": lines}, key=key)
    desk.rest()


def _pay(desk: Desk, at: str, order: dict[str, Any]) -> None:
    tess, gil, key = desk.stage.person("tess.ortiz"), desk.stage.person("gil.fontaine"), desk.next_key()
    bill = bills.billed(desk.stage, order, Decimal(1)) | {"number": key, "order_id": order["id"]}
    bill["billed_on"] = str(desk.stage.today - timedelta(days=1))
    entered = desk.ask(tess, f"{at}/bills", bill, key=key)
    desk.rest()
    desk.ask(gil, f"{at}/bills/{entered['id']}/approval", {})


def _use(desk: Desk, site: str, manager: str, item: dict[str, Any]) -> None:
    dana, at = desk.stage.person(manager), desk.stage.site(site, "procurement")
    stock = desk.look(dana, f"{at}/stock", item_id=item["id"])["items"]
    if stock:
        key = desk.next_key()
        body = {"item_id": item["id"], "quantity": "1", "unit": stock[0]["unit"], "note": key}
        desk.ask(dana, f"{at}/stock/usage", body, key=key)


def hire(desk: Desk) -> None:
    """A nurse for the practice: registered, introduced, proposed, selected by the owner, with her papers."""
    stage, key = desk.stage, desk.next_key()
    marcus, practice = stage.person("marcus.bell"), stage.entity("CA", "hr")
    person = {"given_name": "Robin", "family_name": "Sample", "work_email": f"{key}@lumina.example"}
    made = desk.ask(marcus, f"{stage.entity('mso', 'hr')}/people", person, key=key)["id"]
    desk.ask(marcus, f"/v1/network/hr/people/{made}/introductions", {"legal_entity_id": stage.ids["CA"]})
    terms = {"position": "rn", "exposures": ["bloodborne"], "location_ids": [stage.ids["OAK"]]}
    body = {"person_id": made, "starts_on": str(stage.today), **terms}
    proposed = desk.ask(marcus, f"{practice}/employments", body)
    desk.rest()
    decision = {"outcome": "approved", "reason": "Interviewed."}
    desk.ask(stage.person("dr.nakamura"), f"{practice}/employments/{proposed['id']}/selection", decision)
    for paper in _papers(desk, key):
        desk.ask(marcus, f"{practice}/people/{made}/credentials", paper)
        desk.rest()


def _papers(desk: Desk, key: str) -> list[dict[str, Any]]:
    today = desk.stage.today
    looked_up = {"checked_on": str(today - timedelta(days=1)), "checked_with": "source look-up", "finding": "confirmed"}
    base = {"issued_on": str(today - timedelta(days=200)), "verification": looked_up}
    until = {"state": "CA", "expires_on": str(today + timedelta(days=400))}
    body = f"1{int(desk.stage.tag, 16) % 10**4:04d}{int(key.rpartition('-')[2]) % 10**4:04d}"
    npi = body + str(luhn.calc_check_digit(f"80840{body}"))
    return [
        {**base, "kind": "id.npi1", "number": npi},
        {**base, "kind": "lic.rn", "number": f"RN{key}", **until},
        {**base, "kind": "check.exclusion", "issued_on": str(today - timedelta(days=1))},
    ]


def charge(desk: Desk) -> None:
    """The clinical system sends charges; they are invoiced and paid."""
    stage, at, key = desk.stage, desk.stage.site("OAK", "billing"), desk.next_key()
    file = {"charges": [earning.charge(stage, f"{key}-{one}", key, f"{100 + 13 * one}.50") for one in range(2)]}
    desk.ask(stage.machine(), f"{at}/charge-imports", file, key=key, source_system=earning.EHR)
    desk.rest()
    tess, whose = stage.person("tess.ortiz"), {"source_system": earning.EHR, "external_id": key, "purpose": "payment"}
    account = desk.look(tess, f"{at}/accounts/lookup", "POST", whose)["id"]
    invoice = desk.ask(tess, f"{at}/invoices", {"account_id": account})
    desk.rest()
    paid = {"account_id": account, "method": "card", "amount": invoice["total"], "reference": (key := desk.next_key())}
    desk.ask(tess, f"{at}/payments", paid, key=key)


def move(desk: Desk) -> None:
    """The administrator opens a site and renames it: the directory that every service copies."""
    stage, key = desk.stage, desk.next_key()
    avery, path = stage.person("avery.cole"), "/v1/network/gateway/locations"
    place = {"state": "CA", "locality": "Oakland", "time_zone": "America/Los_Angeles"}
    code = f"F{stage.tag}{desk.name[-1]}{key.rpartition('-')[2]}".upper()
    body = {"code": code, "name": key, "legal_entity_id": stage.ids["CA"], **place, "opening_hours": {}}
    made = desk.ask(avery, path, body, key=key)["id"]
    for _ in range(30):
        desk.rest(0.3)
        seen = desk.look(avery, f"{path}/{made}")
        key = desk.next_key()
        desk.ask(avery, f"{path}/{made}", {"name": key}, method="PATCH", key=key, etag=seen.headers["ETag"])


CHAINS: dict[str, Chain] = {
    "buying1": buy_in_oakland,
    "buying2": buy_in_austin,
    "hiring": hire,
    "charging1": charge,
    "charging2": charge,
    "moving": move,
}
