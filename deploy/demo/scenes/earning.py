"""Earn: charges from the clinical system, patient accounts behind a purpose grant, invoice, payment, ledger."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from deploy.demo.stage import Stage, company

EHR = "lakeside-ehr"


def play(stage: Stage) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("4. Earn: charges become invoices, and patient data stays behind the wall")
    charges_arrive(stage)
    open_patient_data(stage)
    invoice_and_payment(stage)


def charges_arrive(stage: Stage) -> None:
    """The machine client of the clinical system sends a file, then the same file again."""
    machine, path = stage.machine(), f"{stage.site('OAK', 'billing')}/charge-imports"
    patient = f"P-{stage.tag}"
    file = {
        "charges": [
            charge(stage, f"{stage.tag}-1", patient, "620.00"),
            charge(stage, f"{stage.tag}-2", patient, "275.00", code="17999"),
        ]
    }
    first = machine.call("POST", path, file, source_system=EHR)
    words = "The clinical system of Lakeside sends two charges (API key, clinical plane)"
    stage.expect(first, 201, words, lambda it: f"{it['accepted']} accepted, {it['amount']} USD")
    stage.require(first["accepted"] == 2, f"both charges are accepted: {first.body}")
    again = machine.call("POST", path, file, source_system=EHR)
    stage.require(again.status == 200 and again["id"] == first["id"], f"the same file is one import: {again.body}")
    charges = stage.person("dr.nakamura").all(f"{stage.site('OAK', 'billing')}/charges", purpose="treatment")
    sent = [charge for charge in charges if charge["source_id"] in {each["source_id"] for each in file["charges"]}]
    stage.require(len(sent) == len(file["charges"]), f"each charge stands there once: {sent}")
    stage.tell("It sends the same file again", f"{again.status} the same import, nothing counted twice")
    refused = stage.person("tess.ortiz").call("POST", path, file, source_system=EHR)
    words = "Tess Ortiz, a biller, tries to send charges herself"
    who_can = f"a clinical system of {company('CA')}"
    stage.refused(refused, 403, "refused", words, policy="wall.plane", source="cpom.separate_entities", who_can=who_can)


def charge(stage: Stage, source_id: str, patient_id: str, price: str, code: str = "64615") -> dict[str, Any]:
    """A charge of yesterday, as the clinical system sends it."""
    return {
        "source_id": source_id,
        "service_on": str(stage.today - timedelta(days=1)),
        "patient_id": patient_id,
        "patient_name": "Quinn Demonstration",
        "code_system": "CPT",
        "code": code,
        "item_class": "cosmetic_service",
        "quantity": "1",
        "unit_price": price,
    }


def open_patient_data(stage: Stage) -> None:
    """Without a purpose grant the biller sees nothing; with it, a masked name in the list."""
    tess, owner = stage.person("tess.ortiz"), stage.person("dr.nakamura")
    accounts = f"{stage.site('OAK', 'billing')}/accounts"
    purposes = f"{stage.entity('CA', 'gateway')}/purposes"
    for open_one in owner.all(purposes, status="granted"):
        if open_one["user_id"] == stage.ids["tess.ortiz"]:
            owner.post(f"{purposes}/{open_one['id']}/revocation")
    words = "Tess opens the list of patient accounts, without a purpose grant"

    def shut() -> Any:
        answer = tess.call("GET", accounts, purpose="payment")
        return answer if answer.status == 403 else None

    closed = stage.eventually(shut, "No purpose grant is in force")
    stage.refused(closed, 403, "refused", words, policy="wall.patient-data", why="purpose grant", source="hipaa.baa")
    body = {
        "user_id": stage.ids["tess.ortiz"],
        "purpose": "Collect this month's open balances",
        "ends_on": str(stage.today + timedelta(days=30)),
    }
    asked = stage.expect(tess.call("POST", purposes, body), 201, "Tess asks for access, with a purpose and an end")
    decision = f"{purposes}/{asked['id']}/decision"
    own = tess.call("POST", decision, {"granted": True})
    who_can = stage.owner_of("CA")
    stage.reserved(own, "She cannot grant it herself", decision="gateway.phi.grant", who_can=who_can)
    granted = owner.call("POST", decision, {"granted": True})
    stage.expect(granted, 200, "Dr. Nakamura, owner of Lakeside Aesthetics PC, grants it", lambda it: it["status"])

    def opened() -> Any:
        answer = tess.call("GET", accounts, purpose="payment")
        return answer.body["items"] if answer.ok else None

    rows = stage.eventually(opened, "Tess sees the list", lambda items: f"names masked: {items[0]['name']}")
    names = [word for row in rows for word in row["name"].split()]
    stage.require(all(word[1:] == "***" for word in names), f"every part of every name is masked: {rows}")


def invoice_and_payment(stage: Stage) -> None:
    """An invoice for what waits; a payment sent twice with one key counts once; the ledger has both."""
    tess, gil, at = stage.person("tess.ortiz"), stage.person("gil.fontaine"), stage.site("OAK", "billing")
    body = {"source_system": EHR, "external_id": f"P-{stage.tag}", "purpose": "payment"}
    account = tess.post(f"{at}/accounts/lookup", body).body
    tax_is_known(stage, account["id"])
    issued = tess.call("POST", f"{at}/invoices", {"account_id": account["id"]})
    words = "Tess invoices what waits on the account"
    invoice = stage.expect(issued, 201, words, lambda it: f"{it['number']}, {it['total']} USD")
    paid = {"account_id": account["id"], "method": "card", "amount": invoice["total"], "reference": stage.tag}
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (tess.call("POST", f"{at}/payments", paid, headers=key) for _ in range(2))
    stage.expect(first, 201, "The patient pays; the request is sent twice with one idempotency key")
    stage.require(second.body["id"] == first["id"], f"paid twice: {second.body}")
    stage.tell("The second request got the first one's answer", f"payment {str(first['id'])[:13]}..., counted once")
    journal = f"{stage.entity('CA', 'billing')}/journal"
    for thing, source in (("invoice", invoice["id"]), ("payment", first["id"])):
        found = gil.all(journal, source_id=source)
        stage.require(len(found) == 1, f"one entry for the {thing}: {found}")
        amount = Decimal(found[0]["total"])
        stage.require(amount == Decimal(invoice["total"]), f"the entry is over the {thing}'s amount: {found}")
        stage.tell(
            f"The {thing} stands in the books of Lakeside Aesthetics PC",
            f"{found[0]['number']}, {found[0]['total']} USD",
        )
    still = Decimal(tess.get(f"{at}/invoices/{invoice['id']}")["open"])
    stage.require(still == 0, f"the invoice is paid: {still}")


def tax_is_known(stage: Stage, account_id: str) -> None:
    """How a service is taxed somewhere is never guessed: the controller records it once."""
    tess, gil, at = stage.person("tess.ortiz"), stage.person("gil.fontaine"), stage.site("OAK", "billing")
    rules = "/v1/network/billing/tax-rules"
    if any(rule["item_class"] == "cosmetic_service" for rule in gil.all(rules, state="CA")):
        return
    held = tess.call("POST", f"{at}/invoices", {"account_id": account_id})
    words = "Tess invoices what waits, before anybody said how services are taxed in California"
    stage.refused(held, 409, "tax-unknown", words)
    body = {
        "state": "CA",
        "item_class": "cosmetic_service",
        "effective_from": str(stage.today.replace(month=1, day=1)),
        "rate": "0",
        "source": "CDTFA Regulation 1501: services are not sales of goods",
    }
    stage.expect(gil.call("POST", rules, body), 201, "Gil records it, with the source")
