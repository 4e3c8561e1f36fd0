"""A clinic to bill for: a franchise with two sites in California, and the people who work with its money."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.clock import today
from shared.directory import KnownLocation
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Pending
from shared.rules import Rule
from shared.tenancy import Scope
from tests.billing.franchise import Franchise, caller, make_franchise
from tests.support.callers import Answer, Caller

NAME = "Marguerite Quillfeather"
SECRETS = (NAME, "Marguerite", "Quillfeather", "mq@example.test", "+1 310 555 0100", "12 Jasmine Row", "MRN-00417")
PATIENT = {
    "patient_id": "MRN-00417",
    "patient_name": NAME,
    "patient_email": "mq@example.test",
    "patient_phone": "+1 310 555 0100",
    "patient_address": "12 Jasmine Row",
}


@dataclass(frozen=True)
class Clinic:
    """One app, one franchise; `site` and `other_site` belong to the Californian entity."""

    app: Flask
    keys: Keyring
    franchise: Franchise
    other_site: UUID

    @property
    def site(self) -> UUID:
        return self.franchise.ca.location_id

    @property
    def entity(self) -> UUID:
        return self.franchise.ca.id

    def at(self, location_id: UUID | None = None) -> Scope:
        """What the gateway gives for `/v1/locations/{id}`."""
        return Scope(self.franchise.organization_id, "location", (location_id or self.site,), (self.entity,))

    def as_(self, role: str, scope: Scope | None = None, **changes: Any) -> Caller:
        """Somebody with a role."""
        return caller(self.app, self.keys, scope or self.at(), role, **changes)

    def system(self, scope: Scope | None = None) -> Caller:
        return self.as_("clinical_system", scope, kind="machine")

    def send(self, *rows: dict[str, Any], scope: Scope | None = None, **query: str) -> Answer:
        """The clinical system sends charges."""
        parameters = {"source_system": "ehr", **query}
        return self.system(scope).post("/charge-imports", json={"charges": list(rows)}, query_string=parameters)

    def account(self, *rows: dict[str, Any]) -> str:
        """The id of an account with these charges (or one of 100.00)."""
        assert self.send(*(rows or (charge(),))).status_code == 201
        found = self.as_("biller").get("/unbilled")
        return str(found.json["items"][0]["account_id"])

    def invoice(self, *rows: dict[str, Any]) -> dict[str, Any]:
        """An issued invoice over these charges."""
        answer = self.issue(self.account(*rows))
        assert answer.status_code == 201, answer.json
        return dict(answer.json)

    def issue(self, account_id: str, role: str = "biller", **body: Any) -> Answer:
        return self.as_(role).post("/invoices", json={"account_id": account_id, **body}, headers=key())

    def pay(self, invoice: dict[str, Any], amount: str, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        """The front desk takes money for an invoice's account."""
        sent = {"account_id": invoice["account_id"], "method": "card", "amount": amount, **body}
        return self.as_("front_desk").post("/payments", json=sent, headers=headers or key())

    def tax(self, item_class: str, rate: str, **changes: Any) -> Answer:
        """The controller says how a class is taxed in California."""
        rule = {
            "state": "CA",
            "item_class": item_class,
            "effective_from": "2026-01-01",
            "rate": rate,
            "source": "CDTFA rate table",
            **changes,
        }
        scope = Scope(self.franchise.organization_id, "organization")
        return self.as_("controller", scope).post("/tax-rules", json=rule)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The envelopes of one type that wait in the outbox."""
        with self.franchise.transaction() as session:
            query = select(Pending.envelope).where(Pending.type == kind).order_by(Pending.id)
            return [json.loads(envelope) for envelope in session.execute(query).scalars()]

    def books(self) -> dict[str, Decimal]:
        """Debits less credits of the entity, by account."""
        return self.franchise.books_of(self.entity)

    def open_of(self, invoice: dict[str, Any]) -> str:
        return str(self.as_("biller").get(f"/invoices/{invoice['id']}").json["open"])


def key() -> dict[str, str]:
    """A fresh idempotency key."""
    return {"Idempotency-Key": str(uuid4())}


def charge(source_id: str = "c-1", price: str = "100.00", **changes: Any) -> dict[str, Any]:
    """A row of a file of charges."""
    row = {
        "source_id": source_id,
        "service_on": today("America/Los_Angeles").isoformat(),
        **PATIENT,
        "code_system": "LOCAL",
        "code": "TOX-GLAB",
        "item_class": "professional_service",
        "quantity": "1",
        "unit_price": price,
    }
    return {**row, **changes}


def make_clinic(app: Flask, keys: Keyring) -> Clinic:
    """A clinic whose services are untaxed and whose retail is taxed at 9.5 %."""
    franchise = make_franchise(app.extensions["partywall"].database)
    clinic = Clinic(app, keys, franchise, new_id())
    with franchise.transaction() as session:
        session.add(_second_site(franchise, clinic.other_site))
        _reserve(session, "billing.coding.decide", "licensed_provider", "Choose the code for an encounter")
        _reserve(session, "billing.refund.clinical.approve", "medical_director", "Approve clinical refunds")
    for item_class, rate in (("professional_service", "0"), ("retail", "0.095")):
        assert clinic.tax(item_class, rate).status_code == 201
    return clinic


def _second_site(franchise: Franchise, location_id: UUID) -> KnownLocation:
    return KnownLocation(
        id=location_id,
        organization_id=franchise.organization_id,
        code="CA-2",
        name="Glow CA 2",
        state="CA",
        locality="Pasadena",
        time_zone="America/Los_Angeles",
        legal_entity_id=franchise.ca.id,
        status="open",
        seen_version=1,
    )


def _reserve(session: Session, decision: str, decider: str, title: str) -> None:
    session.add(
        Rule(
            kind="reserved_decision",
            key=decision,
            dataset_version="2026-11-21",
            effective_from=today().replace(month=1, day=1),
            effective_to=None,
            reviewed=today(),
            body={"id": decision, "title": title, "decides": decider, "sources": ["or_sb951"]},
        )
    )
