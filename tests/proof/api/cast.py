"""Who sends the requests: two people of each plane who hold every role of it that can be held, and what may be broken.

Rules ask for a second person (nobody approves what they asked for), so there are two of each.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from deploy.demo.client import Person, Refused, send
from services.gateway.roles import ROLES
from tests.proof.api.known import ListeningStage

GATEWAY = "/v1/network/gateway"
LIMIT = "900000.00"
# An auditor may not write and an operations engineer sees nothing, whatever else they hold; a wind-down steward and a
# clinical system act on their own.
APART = frozenset({"auditor", "ops", "wind_down"})
_KNOWN_WITHIN = 20.0
PASSWORD = "Correct-Horse-Battery-9"


@dataclass
class Cast:
    """The people of each plane, a person whose own account is played with, and the rows that keep everybody in."""

    stage: ListeningStage
    people: dict[str, list[Person]]
    machine: Person
    kept: set[str] = field(default_factory=set)

    def drifter(self) -> Person:
        """Somebody newly signed in, whose session and password may be played with."""
        user, person = _person(self.stage, "business", f"drifter-{uuid4().hex[:8]}")
        _grant(self.stage, user, "franchise_admin")
        deadline = time.monotonic() + _KNOWN_WITHIN
        while True:  # a grant may take a moment to be known
            try:
                person.sign_in()
                return person
            except Refused:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def make(stage: ListeningStage) -> Cast:
    """Create them through the API, as the franchise's own people would."""
    business = [_business(stage, number) for number in (1, 2)]
    clinical = [_clinical(stage, number) for number in (1, 2)]
    ids = [one for one, _ in (*business, *clinical)]
    people = {"business": [who for _, who in business], "clinical": [who for _, who in clinical]}
    cast = Cast(stage, people, stage.machine(), {*ids, *stage.ids.values()})
    _open_patient_data(stage, [one for one, _ in business])
    _keep(stage, cast)
    return cast


def _person(stage: ListeningStage, plane: str, name: str) -> tuple[str, Person]:
    """An account with a password of its own, not yet signed in."""
    admin, email = stage.person("avery.cole"), f"{name}-{stage.tag}@proof.example"
    user = admin.post(f"{GATEWAY}/users", {"name": name.replace("-", " ").title(), "email": email})["id"]
    one_time = f"One-Time-{uuid4().hex}"
    given = admin.call("PUT", f"{GATEWAY}/users/{user}/one-time-password", {"one_time_password": one_time})
    stage.require(given.ok, f"{email} gets a one-time password: {given.body}")
    body = {"email": email, "password": one_time, "new_password": PASSWORD}
    changed = send(stage.base, "PUT", "/v1/password", body, {})
    stage.require(changed.ok, f"{email} sets a password: {changed.body}")
    return user, stage.heard(Person(stage.base, email, PASSWORD, plane))


def _grant(stage: ListeningStage, user: str, role: str, kind: str = "organization", place: str | None = None) -> None:
    body: dict[str, Any] = {"user_id": user, "role": role, "scope_kind": kind, "approval_limit": LIMIT}
    if place:
        body["scope_id"] = place
    stage.person("avery.cole").post(f"{GATEWAY}/grants", body)


def _business(stage: ListeningStage, number: int) -> tuple[str, Person]:
    user, person = _person(stage, "business", f"office-{number}")
    for role in ROLES.values():
        if role.plane != "business" or role.name in APART:
            continue
        if "organization" in role.over:
            _grant(stage, user, role.name)
        else:
            _grant(stage, user, role.name, "location", stage.ids["OAK"])
    return user, person


def _clinical(stage: ListeningStage, number: int) -> tuple[str, Person]:
    user, person = _person(stage, "clinical", f"practice-{number}")
    owner, entity = stage.person("dr.nakamura"), stage.entity("CA", "gateway")
    licence = f"CA A90000{number}"
    for role in ("clinical_entity_owner", "medical_director"):
        owner.post(f"{entity}/officers", {"user_id": user, "role": role, "licence": licence})
    provider = {"user_id": user, "role": "provider", "scope_kind": "legal_entity", "scope_id": stage.ids["CA"]}
    owner.post(f"{entity}/clinical-grants", {**provider, "licence": licence})
    return user, person


def _open_patient_data(stage: ListeningStage, users: list[str]) -> None:
    """The owner opens patient accounts to the people of the business plane."""
    biller, owner, path = stage.person("tess.ortiz"), stage.person("dr.nakamura"), stage.entity("CA", "gateway")
    for user in users:
        body = {"user_id": user, "purpose": "Billing of patients", "ends_on": str(stage.today + timedelta(days=30))}
        asked = biller.post(f"{path}/purposes", body)
        owner.post(f"{path}/purposes/{asked['id']}/decision", {"granted": True})


def _keep(stage: ListeningStage, cast: Cast) -> None:
    """Note the rows without which these people could do nothing any more."""
    admin, places = stage.person("avery.cole"), {stage.ids["CA"], stage.ids["mso"]}
    grants = admin.all(f"{GATEWAY}/grants")
    cast.kept |= {grant["id"] for grant in grants if grant["user_id"] in cast.kept}
    for name in ("agreements", "business-associate-agreements"):
        rows = admin.all(f"{GATEWAY}/{name}")
        cast.kept |= {row["id"] for row in rows if row["legal_entity_id"] in places}
    cast.kept |= {row["id"] for row in admin.all(f"{stage.entity('CA', 'gateway')}/purposes")}
    machine = next(user for user in admin.all(f"{GATEWAY}/users") if user["name"] == "Lakeside EHR")
    cast.kept |= {key["id"] for key in admin.get(f"{GATEWAY}/machine-clients/{machine['id']}/keys")["items"]}
