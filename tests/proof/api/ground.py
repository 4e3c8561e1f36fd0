"""Rows that a change can still be made to: the story settles what it begins, and so would soon every run.

The people of the run make it, and take turns: nobody approves what they asked for. A nurse is hired as in the story.
"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from deploy.demo.client import Person, Refused
from deploy.demo.people import EVERY_SERVICE, MACHINE_ROLE
from deploy.demo.prospect import GATEWAY
from deploy.demo.scenes import bills, earning, staff
from deploy.demo.scenes.buying import need, priced
from deploy.demo.stage import StoryBroken
from tests.proof.api.cast import Cast

EACH = 4  # of every kind for each of the two people
AT, PRACTICE, MSO, UNKNOWN = "OAK", "CA", "mso", "WY"
SERVICES = ["procurement", "hr", "billing", "bookkeeping"]
MONTHLY = "8000.00"


class Ground:
    """What `lay` can lay again and again; `closing` are months that may be closed, `charging` ones that have a fee by
    `agreement`, `clients` machines that the practice knows."""

    def __init__(self, cast: Cast) -> None:
        self._cast, self._stage = cast, cast.stage
        self._office, self._practice = cast.people["business"], cast.people["clinical"]
        self._laid, self._months = False, count()
        year = self._stage.today.year
        self._first = date(year - 1, 1, 1)
        self.closing = ["2000-01", "2000-02", "2000-03"]  # nothing is posted earlier, and months close in their order
        self.charging = [f"{year - 1}-{month:02d}" for month in range(4, 13)]
        self.clients: list[str] = []
        self.agreement = self._flat_fee()
        self._unknown, _ = self._managed_site(UNKNOWN)
        self._old_entries()
        self._office[0].get(f"{self._at('gateway')}/locations/{self._stage.ids[AT]}")  # no list there names it

    def lay(self) -> None:
        """Drafts, orders, goods and bills; charges and invoices; people, papers and shifts.

        The first time all of it must be there. Later something may stand against a part (terms, prices and tolerances
        are changed like everything else); an operation that is never answered well for want of it is a finding.
        """
        for part in (self._buying, self._revenue, self._fees, self._people, self._shifts, self._held, self._machines):
            try:
                part()
            except (Refused, StoryBroken, LookupError, StopIteration, ValueError):
                if not self._laid:
                    raise
        self._laid = True

    def _buying(self) -> None:
        paper = self._paper()
        for _ in range(EACH):
            for asker, other in (self._office, self._office[::-1]):
                self._orders(asker, other, paper)
        self._stock(paper)
        for _ in range(EACH):
            for asker in self._office:
                self._requisitions(asker, paper)

    def _at(self, service: str) -> str:
        return self._stage.site(AT, service)

    def _paper(self) -> dict[str, Any]:
        """Something that the company buys for itself, so that no formulary is asked."""
        items = self._office[0].all(f"{self._at('procurement')}/items", item_class="business")
        paper = next(item for item in items if "paper" in item["name"].lower() and item["status"] == "active")
        return priced(self._stage, "dana.reyes", AT, paper)

    def _requisitions(self, asker: Person, paper: dict[str, Any]) -> None:
        """A draft, and one that waits for approval."""
        path, body = f"{self._at('procurement')}/requisitions", {"lines": [need(paper, "3")]}
        draft = asker.post(path, body)
        self._change(asker, f"{path}/{draft['id']}", {"lines": [need(paper, "2")]}, draft.headers["ETag"])
        asker.post(path, {**body, "submit": True})

    def _orders(self, asker: Person, other: Person, paper: dict[str, Any]) -> None:
        """An order that waits for its goods; one half received; and received ones, with a bill that matches, one that
        is held, and none."""
        for arrived, dearer in (("", ""), ("1", ""), ("3", "1.00"), ("3", "1.30"), ("3", "")):
            order = self._order(asker, other, paper)
            [line] = order["lines"]
            if arrived:
                slip = {"packing_slip": f"PS-{uuid4().hex[:8]}"}
                lines = [{"order_line_id": line["id"], "quantity": arrived}]
                asker.post(f"{self._at('procurement')}/orders/{order['id']}/receipts", {**slip, "lines": lines})
            if dearer:
                self._bill(asker, order, Decimal(dearer))

    def _order(self, asker: Person, other: Person, paper: dict[str, Any]) -> dict[str, Any]:
        at = self._at("procurement")
        asked = asker.post(f"{at}/requisitions", {"lines": [need(paper, "3")], "submit": True})
        other.post(f"{at}/requisitions/{asked['id']}/approval")
        [order] = asker.all(f"{at}/orders", requisition_id=asked["id"])
        return dict(asker.get(f"{at}/orders/{order['id']}").body)

    def _bill(self, asker: Person, order: dict[str, Any], factor: Decimal) -> None:
        bill = bills.billed(self._stage, order, factor)
        path = f"{self._at('procurement')}/bills"
        made = asker.post(path, {**bill, "order_id": order["id"]})
        self._change(asker, f"{path}/{made['id']}", bill, made.headers["ETag"])

    def _stock(self, paper: dict[str, Any]) -> None:
        """What is on the shelf can be picked, used and thrown away."""
        who, at, some = self._office[0], self._at("procurement"), {**need(paper, "1"), "note": "Fell in the sink"}
        who.get(f"{at}/stock/picks", **need(paper, "1"))
        who.post(f"{at}/stock/waste", some)

    def _change(self, who: Person, path: str, body: dict[str, Any], version: str) -> None:
        answer = who.call("PUT", path, body, headers={"If-Match": version})
        self._stage.require(answer.ok, f"PUT {path}: {answer.body}")

    def _revenue(self) -> None:
        """Charges of new patients: some invoiced, of those half credited; the others waiting. What was paid on account
        is asked back, for a clinical reason, on which the director decides, and for another."""
        who, at = self._office[0], self._at("billing")
        patients = [f"P-{uuid4().hex[:8]}" for _ in range(6 * EACH)]
        charges = [earning.charge(self._stage, f"CH-{patient}", patient, "120.00") for patient in patients]
        self._stage.machine().post(f"{at}/charge-imports", {"charges": charges}, source_system="proof-ehr")
        who.all(f"{at}/accounts", purpose="payment")
        for place, patient in enumerate(patients[: 2 * EACH]):
            body = {"source_system": "proof-ehr", "external_id": patient, "purpose": "payment"}
            account = {"account_id": who.post(f"{at}/accounts/lookup", body)["id"]}
            who.post(f"{at}/invoices/preview", account)
            invoice = who.post(f"{at}/invoices", account)
            if place % 2:
                who.post(f"{at}/credit-notes", {"invoice_id": invoice["id"], "reason": "billing_error"})
            paid = {**account, "method": "cash", "amount": "50.00", "allocations": []}
            payment = who.post(f"{at}/payments", paid)
            for reason in ("overpayment", "clinical"):
                who.post(f"{at}/payments/{payment['id']}/refunds", {"amount": "20.00", "reason": reason})

    def _fees(self) -> None:
        """A drafted fee of two months, newly figured where one was drafted before."""
        self._evidence()
        path = f"{self._stage.entity(PRACTICE, 'billing')}/fee-statements"
        for _ in range(2):
            month = self.charging[next(self._months) % len(self.charging)]
            self._office[0].post(path, {"agreement_id": self.agreement, "month": month})

    def _people(self) -> None:
        """Newly hired front desks with a paper and a training each, and nurses proposed to the practice."""
        who = self._office[0]
        for _ in range(EACH):
            person = self._hired("front_desk", self._stage.ids[AT])["person_id"]
            paper = {"kind": "check.exclusion", "issued_on": str(self._stage.today)}
            who.post(f"/v1/network/hr/people/{person}/credentials", paper)
            self._proposed()
        for item in who.all("/v1/network/hr/training", person_id=person)[:1]:
            body = {"completed_on": str(self._stage.today), "provider": "Lumina Academy", "hours": item["hours"]}
            who.post(f"/v1/network/hr/training/{item['id']}/completions", body)

    def _held(self) -> None:
        """Nurses whom the company may perhaps not employ: Wyoming's rule is unknown."""
        for _ in range(EACH):
            held = self._hired("rn", self._unknown)
            path = f"{self._stage.entity(MSO, 'hr')}/employments/{held['id']}/recheck"
            self._stage.require(self._office[0].post(path)["status"] == "held", f"it waits for counsel: {held}")

    def _proposed(self) -> None:
        """A nurse proposed to the practice, whose owner has not decided."""
        person, introduced = self._registered(), {"legal_entity_id": self._stage.ids[PRACTICE]}
        self._office[0].post(f"/v1/network/hr/people/{person}/introductions", introduced)
        self._job(PRACTICE, person, "rn", self._stage.ids[AT])

    def _registered(self) -> str:
        tag = uuid4().hex[:8]
        known = {"given_name": "Robin", "family_name": f"Sample {tag}", "work_email": f"robin.{tag}@proof.example"}
        return str(self._office[0].post(f"{self._stage.entity(MSO, 'hr')}/people", known)["id"])

    def _hired(self, position: str, location: str) -> dict[str, Any]:
        """A new person, proposed by the company for a place."""
        return self._job(MSO, self._registered(), position, location)

    def _job(self, employer: str, person: str, position: str, location: str) -> dict[str, Any]:
        body: dict[str, Any] = {"person_id": person, "position": position, "starts_on": str(self._stage.today)}
        path = f"{self._stage.entity(employer, 'hr')}/employments"
        return dict(self._office[0].post(path, {**body, "location_ids": [location]}).body)

    def _shifts(self) -> None:
        """Shifts of a nurse who has everything she needs: drafts, and published ones; and of a front desk who lacks a
        training that no law asks for."""
        path, who = f"{self._at('hr')}/shifts", self._office[0]
        nurse, days = self._nurse(), count(4)
        for place in range(2 * EACH):
            made = who.post(path, self._span(nurse["id"], next(days)))
            if place % 2:
                who.post(f"{path}/{made['id']}/publication")
        desk = self._hired("front_desk", self._stage.ids[AT])
        for place in range(EACH):
            made = who.post(path, self._span(desk["id"], next(days)))
            missing = who.call("POST", f"{path}/{made['id']}/publication", {})["missing"]
            item = next(each["item"] for each in missing if each["can_be_overridden"])
            if place == 0:
                who.post(f"{path}/{made['id']}/overrides", {"item": item, "reason": "A colleague stands beside"})

    def _nurse(self) -> dict[str, Any]:
        """A nurse of the practice with papers and training. The story's own may have lost hers meanwhile."""
        self._stage.tag = uuid4().hex[:6]  # another person, with other numbers
        hired = staff.nurse_for_the_practice(self._stage)
        staff.papers(self._stage, hired["person_id"])
        for item in staff.assigned_by_the_rules(self._stage, hired):
            staff.complete(self._stage, item, quietly=True)
        return hired

    def _machines(self) -> None:
        """A machine client of the practice, with a key of each plane."""
        office, owner, at = self._office[0], self._practice[0], self._stage.entity(PRACTICE, "gateway")
        client = office.post(f"{GATEWAY}/machine-clients", {"name": f"EHR {uuid4().hex[:8]}"})["id"]
        grant = {"user_id": client, "role": MACHINE_ROLE, "scope_kind": "legal_entity"}
        owner.post(f"{at}/clinical-grants", {**grant, "scope_id": self._stage.ids[PRACTICE]})
        for who in (office, owner):
            expires = {"expires_on": str(self._stage.today + timedelta(days=90))}
            who.post(f"{at}/machine-clients/{client}/keys", expires)
        self.clients.append(client)

    def _span(self, employment: str, ahead: int) -> dict[str, str]:
        """A short shift so many days from now."""
        day = self._stage.today + timedelta(days=ahead)
        return {"employment_id": employment, "starts": f"{day}T09:00", "ends": f"{day}T12:00"}

    def _managed_site(self, place: str) -> tuple[str, str]:
        """Another site of the practice in a state, and the agreement about it since January of last year."""
        first, office, ids = self._first, self._office[0], self._stage.ids
        site = {"code": f"{place}{self._stage.tag[:4].upper()}", "name": f"Lumina {place}", "state": place}
        site |= {"status": "open", "legal_entity_id": ids[PRACTICE], "time_zone": "America/Los_Angeles"}
        at = str(office.post(f"{GATEWAY}/locations", {**site, "opening_hours": {}})["id"])
        body: dict[str, Any] = {"mso_id": ids[MSO], "legal_entity_id": ids[PRACTICE], "location_ids": [at]}
        body |= {"services": EVERY_SERVICE, "starts_on": str(first), "ends_on": str(date(first.year + 4, 12, 31))}
        agreement = str(office.post(f"{GATEWAY}/agreements", body)["id"])
        signature = f"{self._stage.entity(PRACTICE, 'gateway')}/agreements/{agreement}/signature"
        self._practice[0].post(signature, {"signed_on": str(first)})
        self._cast.kept |= {agreement, at}
        return at, agreement

    def _flat_fee(self) -> str:
        """A flat fee for a site in California; returns the agreement."""
        office, owner, at = self._office[0], self._practice[0], self._stage.entity(PRACTICE, "billing")
        _, agreement = self._managed_site("CA")
        self._evidence()
        terms: dict[str, Any] = {"agreement_id": agreement, "fee_model": "fee.flat_monthly", "services": SERVICES}
        terms |= {"effective_from": f"{self._first:%Y-%m}", "monthly_amount": MONTHLY}

        def proposed() -> Any:
            answer = office.call("POST", f"{at}/fee-terms", terms)
            return answer.body if answer.ok else None

        made = self._stage.eventually(proposed, "billing knows the agreement")
        owner.post(f"{at}/fee-terms/{made['id']}/approval")
        unit = {"unit": "visit", "quantity": "3", "performed_on": str(self._first), "reference": "Log 1"}
        office.post(f"{at}/fee-usage", {"agreement_id": agreement, "units": [unit]})
        return agreement

    def _evidence(self) -> None:
        """What speaks for the fee; others may have put on file what speaks against it."""
        office, at = self._office[0], self._stage.entity(PRACTICE, "billing")
        office.post(f"{at}/fmv-opinions", self._opinion())
        office.post(f"{at}/counsel-memos", self._memo())

    def _opinion(self) -> dict[str, Any]:
        return {
            "fee_model": "fee.flat_monthly",
            "valuator": "Fair Value Partners",
            "valued_on": str(self._stage.today),
            "method": "Cost and market approach",
            "basis": "monthly_amount",
            "low": "6000",
            "mid": "8000",
            "high": "9000",
            "services_covered": SERVICES,
            "expires_on": str(self._stage.today + timedelta(days=300)),
            "document": "fmv-proof.pdf",
        }

    def _memo(self) -> dict[str, Any]:
        return {
            "state": "CA",
            "author": "Counsel LLP",
            "written_on": str(self._stage.today),
            "fee_model": "fee.flat_monthly",
            "conclusion": "permitted",
            "expires_on": str(self._stage.today + timedelta(days=300)),
            "document": "memo-proof.pdf",
        }

    def _old_entries(self) -> None:
        """Something in each month that may be closed."""
        office, at = self._office[0], self._stage.entity(PRACTICE, "billing")
        for month in self.closing:
            lines = [{"account_code": "1000", "debit": "10.00"}, {"account_code": "3000", "credit": "10.00"}]
            office.post(f"{at}/journal", {"posted_on": f"{month}-15", "memo": "Found late", "lines": lines})
