"""The people around a management fee, and what they send."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from flask import Flask
from werkzeug.test import TestResponse

from services.billing.ledger.service import post
from services.billing.payables.handlers import accrue_receipt
from shared.clock import now
from shared.contracts.base import Envelope
from shared.contracts.procurement import ReceiptPosted, ReceivedLine
from shared.ids import new_id
from shared.keys import Keyring
from tests.billing.franchise import Entity, Franchise, caller, make_franchise, sale
from tests.billing.rulebook import load_rules
from tests.support.callers import Caller


@dataclass(frozen=True)
class Office:
    """A franchise behind billing's API."""

    app: Flask
    keys: Keyring
    franchise: Franchise

    def controller(self, entity: Entity) -> Caller:
        return caller(self.app, self.keys, self.franchise.scope(entity), "controller")

    def owner(self, entity: Entity) -> Caller:
        scope = self.franchise.scope(entity)
        return caller(self.app, self.keys, scope, "clinical_entity_owner", name="Dr. Ada Owner", licence="A12345")

    def mso_controller(self) -> Caller:
        return caller(self.app, self.keys, self.franchise.mso_scope(), "controller")

    def file_opinion(self, entity: Entity, fee_model: str, **changes: Any) -> None:
        """A current opinion that covers procurement and billing."""
        percent = fee_model in ("fee.pct_gross", "fee.cost_plus")
        band = ("5", "10", "15") if percent else ("4000", "8000", "9000")
        body = {
            "fee_model": fee_model,
            "valuator": "Fair Value Partners",
            "valued_on": "2026-03-01",
            "method": "market and cost approach",
            "basis": "percent" if percent else "monthly_amount",
            **dict(zip(("low", "mid", "high"), band, strict=True)),
            "services_covered": ["procurement", "billing"],
            "expires_on": "2027-02-28",
            "document": "FMV-2026-03",
        }
        answer = self.controller(entity).post("/fmv-opinions", json={**body, **changes})
        assert answer.status_code == 201, answer.text

    def propose(self, entity: Entity, model: str, **values: Any) -> TestResponse:
        """Propose terms from January 2026 on."""
        body = {
            "agreement_id": str(entity.agreement_id),
            "fee_model": model,
            "effective_from": "2026-02",
            "services": ["procurement", "billing"],
            **values,
        }
        return self.controller(entity).post("/fee-terms", json=body)

    def agree(self, entity: Entity, fee_model: str, **values: Any) -> str:
        """File the opinion, propose terms and have the owner approve them."""
        self.file_opinion(entity, fee_model)
        terms = self.propose(entity, fee_model, **values)
        assert terms.status_code == 201, terms.text
        approved = self.owner(entity).post(f"/fee-terms/{terms.json['id']}/approval")  # type: ignore[index]
        assert approved.status_code == 200, approved.text
        return str(terms.json["id"])  # type: ignore[index]

    def draft(self, entity: Entity, month: str = "2026-10") -> TestResponse:
        body = {"agreement_id": str(entity.agreement_id), "month": month}
        return self.controller(entity).post("/fee-statements", json=body)

    def approve(self, entity: Entity, statement: dict[str, Any], **changes: Any) -> TestResponse:
        return self.owner(entity).post(
            f"/fee-statements/{statement['id']}/approval",
            json={"amount": changes.get("amount", statement["amount"])},
            headers={"Idempotency-Key": str(new_id())},
        )

    def earn(self, entity: Entity, amount: str, on: date = date(2026, 10, 15), account: str = "4000") -> None:
        """An issued invoice in the clinical entity's books."""
        with self.franchise.transaction() as session:
            lines = sale(amount, entity.location_id, account)
            post(
                session,
                legal_entity_id=entity.id,
                posted_on=on,
                source_type="invoice",
                source_id=new_id(),
                memo="INV",
                lines=lines,
            )

    def receive(self, entity: Entity, amount: str, on: date = date(2026, 10, 10), item_class: str = "business") -> Any:
        """A receipt that the MSO paid for, at the entity's site."""
        fact = make_receipt(self.franchise, entity, amount, on, item_class, self.franchise.mso_id)
        with self.franchise.transaction() as session:
            accrue_receipt(session, envelope_of(self.franchise, fact), fact)
        return fact


def make_receipt(
    franchise: Franchise, entity: Entity, amount: str, on: date, item_class: str, legal_entity_id: Any
) -> ReceiptPosted:
    line = ReceivedLine(
        receipt_line_id=new_id(),
        order_line_id=new_id(),
        item_id=new_id(),
        sku="SKU-1",
        item_class=item_class,
        quantity=Decimal(10),
        amount=Decimal(amount),
        lot=None,
        expires_on=None,
    )
    return ReceiptPosted(
        receipt_id=new_id(),
        number="GR-2026-000001",
        order_id=new_id(),
        order_number="PO-2026-000001",
        vendor_id=new_id(),
        vendor_name="Paper & Co",
        legal_entity_id=legal_entity_id,
        location_id=entity.location_id,
        received_on=on,
        amount=Decimal(amount),
        lines=[line],
    )


def envelope_of(franchise: Franchise, fact: Any) -> Envelope:
    """The envelope a fact of procurement arrives in."""

    return Envelope(
        id=new_id(),
        source="/partywall/procurement",
        type=fact.type,
        subject="x",
        time=now(),
        dataschema="x",
        schemaversion=1,
        partitionkey=str(new_id()),
        aggregateversion=1,
        organizationid=franchise.organization_id,
        plane="business",
        correlationid="test",
        data=msgspec.Raw(msgspec.json.encode(fact)),
    )


def make_office(app: Flask, keys: Keyring, *states: str, **agreement: Any) -> Office:
    """A franchise with the rules dataset loaded."""
    franchise = make_franchise(app.extensions["partywall"].database, states or ("CA", "NY", "TX"), **agreement)
    with franchise.transaction() as session:
        load_rules(session)
    return Office(app, keys, franchise)
