"""A small franchise for the tests: one MSO, clinical entities in five states, six sites, and the people who act."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from flask import Flask
from sqlalchemy import select

from services.gateway.rules.dataset import entries
from shared.contracts.gateway import RuleRecorded
from shared.db import Database
from shared.directory import KnownAgreement, KnownEntity, KnownLocation
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Pending
from shared.rules import Rule
from shared.tenancy import Scope
from tests.support.callers import Caller

DATASET = "2026-11-21"
NOON = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
CLINICS = {
    "CA": ("America/Los_Angeles", None),
    "NY": ("America/New_York", "New York City"),
    "TX": ("America/Chicago", None),
    "AZ": ("America/Phoenix", None),
    "OR": ("America/Los_Angeles", None),
}


@cache
def dataset() -> list[RuleRecorded]:
    """The product's rules, read once."""
    return entries(DATASET)


def rule(kind: str, key: str, body: dict[str, Any], **changes: Any) -> Rule:
    """A rule row that nothing but a test knows."""
    values: dict[str, Any] = {
        "dataset_version": DATASET,
        "effective_from": date(2026, 1, 1),
        "effective_to": None,
        "reviewed": date(2026, 11, 21),
    }
    return Rule(kind=kind, key=key, body=body, **{**values, **changes})


@dataclass
class Franchise:
    """The organization's ids and its callers."""

    app: Flask
    keyring: Keyring
    organization_id: UUID = field(default_factory=new_id)
    mso: UUID = field(default_factory=new_id)
    clinics: dict[str, UUID] = field(default_factory=lambda: {state: new_id() for state in CLINICS})
    sites: dict[str, UUID] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        found: Database = self.app.extensions["partywall"].database
        return found

    @property
    def whole(self) -> Scope:
        return Scope.whole(self.organization_id)

    def open(self) -> None:
        """Write what the directory's and the rules' events would have brought."""
        with self.database.transaction(self.whole) as session:
            if session.execute(select(Rule.id).limit(1)).first() is None:
                names = ("kind", "key", "dataset_version", "effective_from", "effective_to", "reviewed", "body")
                session.add_all(Rule(**{name: getattr(each, name) for name in names}) for each in dataset())
            session.add(self._entity(self.mso, "mso", "Bright MSO LLC", "DE"))
            for state, clinic in self.clinics.items():
                session.add(self._entity(clinic, "clinical_entity", f"{state} Aesthetics PC", state))
            for code in (*CLINICS, "CA2"):
                self.sites[code] = new_id()
                session.add(self._site(code))
            for state in ("CA", "NY", "TX", "OR"):
                session.add(self._agreement(state, None))
            session.add(self._agreement("AZ", date(2026, 11, 21)))

    def _entity(self, key: UUID, kind: str, name: str, state: str) -> KnownEntity:
        values = {"kind": kind, "name": name, "state": state, "form": "PC", "seen_version": 1}
        return KnownEntity(id=key, organization_id=self.organization_id, **values)

    def _site(self, code: str) -> KnownLocation:
        state = code[:2]
        zone, locality = CLINICS[state]
        return KnownLocation(
            id=self.sites[code],
            organization_id=self.organization_id,
            code=code,
            name=f"{code} spa",
            state=state,
            locality=locality,
            time_zone=zone,
            legal_entity_id=self.clinics[state],
            status="open",
            seen_version=1,
        )

    def _agreement(self, state: str, ends_on: date | None) -> KnownAgreement:
        return KnownAgreement(
            id=new_id(),
            organization_id=self.organization_id,
            mso_id=self.mso,
            legal_entity_id=self.clinics[state],
            location_ids=[key for code, key in self.sites.items() if code.startswith(state)],
            services=["procurement", "hr", "billing"],
            signed_on=date(2025, 1, 1),
            starts_on=date(2025, 1, 1),
            ends_on=ends_on,
            seen_version=1,
        )

    def caller(self, scope: Scope, role: str, plane: str = "business", **more: Any) -> Caller:
        return Caller(self.app, self.keyring, scope, frozenset({role}), plane, **more)

    def office(self) -> Caller:
        """The people partner of the whole organization."""
        return self.caller(Scope(self.organization_id, "organization"), "people_partner")

    def network(self, *codes: str) -> Caller:
        """The people partner over some sites, or all."""
        sites = tuple(self.sites[code] for code in codes) or None
        clinics = tuple({self.clinics[code[:2]] for code in codes}) or None
        return self.caller(Scope(self.organization_id, "network", sites, clinics), "people_partner")

    def office_without(self, *states: str) -> Caller:
        """The people partner of the whole organization, while these states' clinical entities have no agreement."""
        sites = tuple(key for code, key in self.sites.items() if code[:2] not in states)
        clinics = (key for state, key in self.clinics.items() if state not in states)
        scope = Scope(self.organization_id, "network", sites, (self.mso, *clinics), office=True)
        return self.caller(scope, "people_partner")

    def _entity_scope(self, legal_entity_id: UUID) -> Scope:
        state = next((state for state, clinic in self.clinics.items() if clinic == legal_entity_id), "none")
        sites = tuple(key for code, key in self.sites.items() if code.startswith(state))
        return Scope(self.organization_id, "entity", sites, (legal_entity_id,))

    def partner(self, state: str | None = None) -> Caller:
        """The people partner acting for the MSO, or for a clinical entity."""
        return self.caller(self._entity_scope(self.clinics[state] if state else self.mso), "people_partner")

    def owner(self, state: str) -> Caller:
        scope = self._entity_scope(self.clinics[state])
        return self.caller(scope, "clinical_entity_owner", "clinical", licence=f"{state} A123456")

    def director(self, state: str) -> Caller:
        scope = self._entity_scope(self.clinics[state])
        return self.caller(scope, "medical_director", "clinical", licence=f"{state} A654321")

    def manager(self, code: str, role: str = "location_manager", plane: str = "business") -> Caller:
        """Somebody at a site."""
        scope = Scope(self.organization_id, "location", (self.sites[code],), (self.clinics[code[:2]],))
        return self.caller(scope, role, plane)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of the events of a type that wait in the outbox."""
        with self.database.transaction(self.whole) as session:
            rows = session.execute(select(Pending.envelope).where(Pending.type == kind).order_by(Pending.id)).scalars()
            return [orjson.loads(row)["data"] for row in rows]


def answer(response: Any, status: int) -> dict[str, Any]:
    """The JSON of a response that must have this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    document: dict[str, Any] = response.get_json(force=True) or {}
    return document


def register(caller: Caller, name: str = "Rae", **changes: Any) -> str:
    """A person; returns the id."""
    body = {"given_name": name, "family_name": "Stone", "work_email": f"{name.lower()}@example.com", **changes}
    return str(answer(caller.post("/people", json=body), 201)["id"])


def employ(caller: Caller, person_id: str, position: str, sites: list[UUID], **changes: Any) -> dict[str, Any]:
    """Propose an employment; returns it."""
    body = {
        "person_id": person_id,
        "position": position,
        "location_ids": [str(site) for site in sites],
        "starts_on": "2026-11-22",
        **changes,
    }
    return answer(caller.post("/employments", json=body), 201)


def select_clinician(owner: Caller, employment: dict[str, Any]) -> dict[str, Any]:
    """The owner's decision to employ a clinician."""
    path = f"/employments/{employment['id']}/selection"
    return answer(owner.post(path, json={"outcome": "approved", "reason": "Interviewed, skilled."}), 200)


def nurse(spa: Franchise, code: str = "CA", name: str = "Rae", **changes: Any) -> dict[str, Any]:
    """An RN employed by the clinical entity of a site after its owner's decision; returns the employment."""
    partner = spa.partner(code[:2])
    proposed = employ(partner, register(partner, name), "rn", [spa.sites[code]], **changes)
    return select_clinician(spa.owner(code[:2]), proposed)


CONFIRMED = {"checked_on": "2026-11-22", "checked_with": "source look-up", "finding": "confirmed"}


def credential(caller: Caller, person_id: str, kind: str, **changes: Any) -> dict[str, Any]:
    """A credential with its confirmation."""
    body = {"kind": kind, "issued_on": "2026-11-01", "verification": CONFIRMED, **changes}
    return answer(caller.post(f"/people/{person_id}/credentials", json=body), 201)


def credentials_of_nurse(spa: Franchise, person_id: str, state: str = "CA") -> None:
    """Everything that lets a nurse work in a state."""
    partner = spa.network()
    credential(partner, person_id, "lic.rn", state=state, number="RN123456", expires_on="2028-03-31")
    credential(partner, person_id, "ins.malpractice", state=state, expires_on="2027-10-31")
    credential(partner, person_id, "check.exclusion")


def train(spa: Franchise, person_id: str, state: str = "CA", *, but: tuple[str, ...] = ()) -> None:
    """Complete everything assigned, hands-on training signed off by the medical director."""
    listed = answer(spa.network().get(f"/training?person_id={person_id}&limit=200"), 200)["items"]
    for item in listed:
        if item["requirement"] not in but:
            body = {"completed_on": "2026-11-22", "provider": "Academy", "hours": item["hours"]}
            by, step = (spa.director(state), "sign-off") if item["hands_on"] else (spa.network(), "completions")
            answer(by.post(f"/training/{item['id']}/{step}", json=body), 201)


def terms(spa: Franchise, state: str = "CA", **changes: Any) -> dict[str, Any]:
    """The owner's schedule terms."""
    body = {
        "effective_from": "2026-01-01",
        "max_shift_hours": "10",
        "max_week_hours": "40",
        "min_rest_hours": "10",
        "reason": "House terms.",
        **changes,
    }
    return answer(spa.owner(state).post("/schedule-terms", json=body), 201)


def ready_nurse(spa: Franchise, code: str = "CA", name: str = "Rae") -> dict[str, Any]:
    """A nurse who lacks nothing; returns the employment."""
    job = nurse(spa, code, name)
    credentials_of_nurse(spa, job["person_id"], code[:2])
    train(spa, job["person_id"], code[:2])
    return job


def shift(spa: Franchise, job: dict[str, Any], starts: str, ends: str, code: str = "CA", **more: Any) -> dict[str, Any]:
    """A drafted shift."""
    body = {"employment_id": job["id"], "starts": starts, "ends": ends, **more}
    return answer(spa.manager(code).post("/shifts", json=body), 201)


def publish(spa: Franchise, drafted: dict[str, Any], code: str = "CA") -> Any:
    """The answer to publishing a shift."""
    return spa.manager(code).post(f"/shifts/{drafted['id']}/publication")


def lacking(response: Any) -> set[str]:
    """The items a refused publication names."""
    return {each["item"] for each in answer(response, 409)["missing"]}
