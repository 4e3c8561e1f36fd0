"""A franchise that buys: one MSO, two clinical entities, three sites, and the people who buy for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services.gateway.rules import dataset
from shared.clock import today
from shared.contracts.base import Envelope
from shared.directory import KnownAgreement, KnownEntity, KnownLocation
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Origin, Pending
from shared.rules import Rule
from shared.tenancy import Scope
from tests.support.callers import Answer, Caller

CLINICAL = ("clinical_entity_owner", "medical_director", "provider")
JANUARY = "2026-01-01"
TOXIN = {
    "sku": "NTX-100",
    "name": "Botulinum toxin type A, 100 U",
    "item_class": "biologic",
    "unit_chain": "box > 10 vial > 100 unit",
    "gtin": "09520123456788",
    "lot_tracked": True,
    "storage": "refrigerated",
}
GLOVES = {"sku": "GLV-M", "name": "Nitrile gloves, M", "item_class": "clinical_supply", "unit_chain": "box > 100 piece"}
PAPER = {"sku": "PAPER", "name": "Printer paper", "item_class": "business", "unit_chain": "carton > 5 ream"}
RULES: list[dict[str, Any]] = []


@dataclass
class Shop:
    """One app and one franchise on it. `site` and `second` belong to `ca`, `far` to `ny`."""

    app: Flask
    keys: Keyring
    organization_id: UUID = field(default_factory=new_id)
    mso: UUID = field(default_factory=new_id)
    ca: UUID = field(default_factory=new_id)
    ny: UUID = field(default_factory=new_id)
    site: UUID = field(default_factory=new_id)
    second: UUID = field(default_factory=new_id)
    far: UUID = field(default_factory=new_id)
    vendor: str = ""
    items: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction as a consumer has it."""
        database = self.app.extensions["partywall"].database
        with database.transaction(Scope.whole(self.organization_id)) as session:
            session.info["origin"] = Origin(service="procurement", request_id="test")
            yield session

    def at(self, site: UUID | None = None) -> Scope:
        """What the gateway gives for `/v1/locations/{site}`."""
        return Scope(self.organization_id, "location", (site or self.site,), (self.entity_of(site),))

    def entity_of(self, site: UUID | None) -> UUID:
        return self.ny if site == self.far else self.ca

    def entity(self, legal_entity_id: UUID | None = None) -> Scope:
        """What the gateway gives for `/v1/entities/{entity}`."""
        entity = legal_entity_id or self.ca
        sites = (self.site, self.second) if entity == self.ca else (self.far,)
        return Scope(self.organization_id, "entity", sites, (entity,))

    def as_(self, role: str, scope: Scope | None = None, **changes: Any) -> Caller:
        """Somebody with one role, on that role's plane; an approver's limit is 5,000.00."""
        plane = "clinical" if role in CLINICAL else "business"
        given: dict[str, Any] = {"limits": {"approval": Decimal("5000.00")}, "name": f"A {role.replace('_', ' ')}"}
        return Caller(self.app, self.keys, scope or self.at(), frozenset({role}), plane, **(given | changes))

    def office(self, role: str = "network_buyer", **changes: Any) -> Caller:
        """Somebody at the central office, with a grant on the organization."""
        return self.as_(role, Scope(self.organization_id, "organization"), **changes)

    def network(self, role: str = "network_buyer") -> Caller:
        """Somebody who looks at all sites, as `/v1/network` lets them."""
        return self.as_(role, Scope(self.organization_id, "network"))

    def item(self, facts: dict[str, Any], price: str = "10.00", unit: str | None = None) -> str:
        """The id of a new item, priced per its largest unit."""
        answer = self.office().post("/items", json=facts)
        assert answer.status_code == 201, answer.json
        self.items[facts["sku"]] = str(answer.json["id"])
        per = unit or facts["unit_chain"].split(" > ")[0]
        priced = self.price(facts["sku"], price, per)
        assert priced.status_code == 201, priced.json
        return self.items[facts["sku"]]

    def price(self, sku: str, price: str, unit: str, starts_on: str = JANUARY, **more: Any) -> Answer:
        body = {"vendor_id": self.vendor, "unit": unit, "price": price, "starts_on": starts_on, **more}
        return self.office().post(f"/items/{self.items[sku]}/prices", json=body)

    def line(self, sku: str, quantity: str, unit: str) -> dict[str, str]:
        return {"item_id": self.items[sku], "quantity": quantity, "unit": unit}

    def approve_item(self, sku: str, legal_entity_id: UUID | None = None) -> dict[str, Any]:
        """Propose an item and have the medical director of the entity approve it."""
        scope = self.entity(legal_entity_id)
        proposal = {"item_id": self.items[sku], "reason": "Needed at the site."}
        entry = self.as_("network_buyer", scope).post("/formulary", json=proposal)
        assert entry.status_code == 201, entry.json
        director = self.as_("medical_director", scope, licence="CA A12345")
        decided = director.post(f"/formulary/{entry.json['id']}/decision", json={"approved": True})
        assert decided.status_code == 200, decided.json
        return dict(decided.json)

    def draft(self, *lines: dict[str, Any], requester: Caller | None = None, **body: Any) -> Answer:
        requester = requester or self.as_("location_manager")
        return requester.post("/requisitions", json={"lines": list(lines), **body})

    def order(self, *lines: dict[str, str], site: UUID | None = None) -> dict[str, Any]:
        """The first purchase order of a requisition that was drafted, submitted and approved."""
        drafted = self.draft(*lines, requester=self.as_("location_manager", self.at(site)), submit=True)
        assert drafted.status_code == 201, drafted.json
        buyer = self.as_("network_buyer", self.at(site), limits={"approval": Decimal("1000000")})
        approved = buyer.post(f"/requisitions/{drafted.json['id']}/approval")
        assert approved.status_code == 200, approved.json
        return self.orders(drafted.json["id"], site)[0]

    def orders(self, requisition_id: str, site: UUID | None = None) -> list[dict[str, Any]]:
        """The orders of a requisition, with their lines, oldest first."""
        caller = self.as_("network_buyer", self.at(site))
        found = caller.get(f"/orders?requisition_id={requisition_id}").json["items"]
        return [dict(caller.get(f"/orders/{order['id']}").json) for order in reversed(found)]

    def receive(self, order: dict[str, Any], slip: str, *lines: dict[str, Any], **options: Any) -> Answer:
        """Post a delivery; without lines, all that was ordered."""
        sent = list(lines) or [delivered(line, line["quantity"]) for line in order["lines"]]
        caller = options.pop("caller", None) or self.as_("front_desk")
        body = {"packing_slip": slip, "lines": sent}
        answer: Answer = caller.post(f"/orders/{order['id']}/receipts", json=body, headers=options or key())
        return answer

    def bill(self, order: dict[str, Any], number: str, *, caller: Caller | None = None, **changes: Any) -> Answer:
        """Enter a bill over all that was ordered, at the order's prices."""
        body = {"order_id": order["id"], **billed(order, number), **changes}
        answer: Answer = (caller or self.as_("biller")).post("/bills", json=body, headers=key())
        return answer

    def told(self, kind: str) -> list[Envelope]:
        """What stands in the outbox of one type, oldest first."""
        with self.transaction() as session:
            query = select(Pending.envelope).where(Pending.type == kind).order_by(Pending.id)
            return [msgspec.json.decode(body, type=Envelope) for body in session.scalars(query)]


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def delivered(line: dict[str, Any], quantity: str, lot: str | None = None, expires_on: str | None = None) -> Any:
    return {"order_line_id": line["id"], "quantity": quantity, "lot": lot, "expires_on": expires_on}


def billed(order: dict[str, Any], number: str) -> dict[str, Any]:
    lines = [
        {"order_line_id": line["id"], "quantity": line["quantity"], "unit_price": line["unit_price"]}
        for line in order["lines"]
    ]
    return {"number": number, "billed_on": "2026-11-20", "total": order["total"], "lines": lines}


def make_shop(app: Flask, keys: Keyring) -> Shop:
    """Register the franchise, its rules, one vendor."""
    shop = Shop(app, keys)
    with shop.transaction() as session:
        _directory(session, shop)
        if not session.scalar(select(Rule.id).limit(1)):
            session.execute(insert(Rule), _rules())
    vendor = {"code": "MEDI", "name": "Meridian Medical Supply", "email": "orders@meridian.example", "state": "CA"}
    answer = shop.office().post("/vendors", json=vendor)
    assert answer.status_code == 201, answer.json
    shop.vendor = str(answer.json["id"])
    return shop


def _rules() -> list[dict[str, Any]]:
    """The reserved decisions of the dataset, read once."""
    if not RULES:
        fields = ("kind", "key", "dataset_version", "effective_from", "effective_to", "reviewed", "body")
        found = [entry for entry in dataset.entries("2026-11-21") if entry.kind == "reserved_decision"]
        RULES.extend({name: getattr(entry, name) for name in fields} for entry in found)
    return [{"id": new_id(), **rule} for rule in RULES]


def _directory(session: Session, shop: Shop) -> None:
    owned = {"organization_id": shop.organization_id, "seen_version": 1}
    for key_, kind, name, state, form in (
        (shop.mso, "mso", "Glow Management LLC", "DE", "LLC"),
        (shop.ca, "clinical_entity", "Lakeside Aesthetics PC", "CA", "PC"),
        (shop.ny, "clinical_entity", "Hudson Aesthetics PLLC", "NY", "PLLC"),
    ):
        session.add(KnownEntity(id=key_, kind=kind, name=name, state=state, form=form, **owned))
    for key_, code, name, zone, entity in (
        (shop.site, "LA", "Glow Los Angeles", "America/Los_Angeles", shop.ca),
        (shop.second, "SD", "Glow San Diego", "America/Los_Angeles", shop.ca),
        (shop.far, "NYC", "Glow New York", "America/New_York", shop.ny),
    ):
        session.add(
            KnownLocation(
                id=key_,
                code=code,
                name=name,
                state="NY" if code == "NYC" else "CA",
                locality=name.removeprefix("Glow "),
                time_zone=zone,
                legal_entity_id=entity,
                status="open",
                **owned,
            )
        )
    session.add(agreement(shop))


def agreement(shop: Shop, ends_on: date | None = None) -> KnownAgreement:
    """The agreement between the MSO and the Californian entity; the one in New York has none."""
    return KnownAgreement(
        id=new_id(),
        organization_id=shop.organization_id,
        mso_id=shop.mso,
        legal_entity_id=shop.ca,
        location_ids=[shop.site, shop.second],
        services=["procurement"],
        signed_on=date(2026, 1, 1),
        starts_on=date(2026, 1, 1),
        ends_on=ends_on,
        seen_version=1,
    )


def site_day() -> date:
    """Today at the Californian sites."""
    return today("America/Los_Angeles")
