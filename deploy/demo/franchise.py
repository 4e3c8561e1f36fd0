"""Creates the demo franchise through the public API, as its administrator and the clinical owners would.

Every POST carries an idempotency key made from its own content, so an interrupted creation is simply run again.
"""

import json
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.demo.client import Person, Refused, send
from deploy.demo.people import (
    ADMINISTRATOR,
    BOTH,
    BOTH_CLINICAL,
    COMPANIES,
    DIRECTORS,
    EVERY_SERVICE,
    EVERYBODY,
    MACHINE,
    MACHINE_ROLE,
    OWNERS,
    PROVIDERS,
    SITES,
    Human,
    Role,
    term,
    today,
)
from deploy.demo.supplies import load as load_supplies

GATEWAY = "/v1/network/gateway"
Say = Callable[[str], None]


class Franchise:
    """The demo franchise while it is being made. `passwords` and `ids` live in `folder`, so that a rerun goes on."""

    def __init__(self, base: str, folder: Path, bootstrap: dict[str, Any], say: Say) -> None:
        self.base, self.say, self._folder = base, say, folder
        self.passwords: dict[str, str] = self._kept("passwords.json")
        self.ids: dict[str, str] = {"organization": bootstrap["organization_id"]}
        self._bootstrap = bootstrap
        self._signed_in: dict[tuple[str, str], Person] = {}
        self.today = today()

    def create(self) -> list[dict[str, str]]:
        """Everything, in the order of a real franchise's first day. Returns the sign-ins."""
        self._administrator()
        self.say("  companies and sites")
        self._companies()
        self._sites()
        self.say("  people and their roles")
        self._people()
        self.say("  agreements, signed by the clinical entities' owners")
        self._agreements()
        self.say("  vendors and catalogue, from CSV files")
        load_supplies(self.person(EVERYBODY_BY_KEY["priya.shah"]), self.say)
        key = self._machine()
        sign_ins = self._sign_ins()
        _write(self._folder / "sign-ins.json", sign_ins)
        _write(self._folder / "demo.json", {"base": self.base, "ids": self.ids, "machine_key": key})
        return sign_ins

    def person(self, human: Human, plane: str | None = None) -> Person:
        """Somebody of the franchise, signing in on the plane of their first role unless another is asked for."""
        acts_on = plane or ("clinical" if human in (*OWNERS, *DIRECTORS, *PROVIDERS) else "business")
        fresh = Person(self.base, human.email, self.passwords[human.key], acts_on)
        return self._signed_in.setdefault((human.key, acts_on), fresh)

    def _kept(self, name: str) -> dict[str, str]:
        path = self._folder / name
        if not path.exists():
            _write(path, {human.key: secrets.token_urlsafe(12) for human in EVERYBODY})
        return dict(json.loads(path.read_text()))

    @property
    def _admin(self) -> Person:
        return self.person(ADMINISTRATOR)

    def _administrator(self) -> None:
        human = ADMINISTRATOR
        self.ids[human.key] = self._bootstrap["user_id"]
        if not self._has_password(human):
            self._own_password(human, str(self._bootstrap.get("one_time_password") or ""))

    def _has_password(self, human: Human) -> bool:
        """Whether an earlier, interrupted creation came so far; someone without any role yet may not sign in (403)."""
        credentials = {"email": human.email, "password": self.passwords[human.key], "plane": "business"}
        return send(self.base, "POST", "/v1/sessions", credentials, {}).status != 401

    def _own_password(self, human: Human, one_time: str) -> None:
        """What a person does first: change the one-time password for one of their own."""
        body = {"email": human.email, "password": one_time, "new_password": self.passwords[human.key]}
        answer = send(self.base, "PUT", "/v1/password", body, {})
        if not answer.ok:
            raise Refused(f"{human.email} cannot set a password: {answer.status} {answer.body}")

    def _companies(self) -> None:
        for company in COMPANIES:
            body = {name: getattr(company, name) for name in ("kind", "name", "state", "form", "time_zone")}
            self.ids[company.key] = self._admin.post_once(f"{GATEWAY}/legal-entities", body)["id"]

    def _sites(self) -> None:
        weekday = [{"opens": "09:00", "closes": "19:00"}]
        hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat"), weekday)
        for site in SITES:
            practice = next(company for company in COMPANIES if company.key == site.practice)
            body = {
                "code": site.code,
                "name": site.name,
                "state": practice.state,
                "locality": site.locality,
                "time_zone": practice.time_zone,
                "legal_entity_id": self.ids[practice.key],
                "opening_hours": hours,
            }
            self.ids[site.code] = self._admin.post_once(f"{GATEWAY}/locations", body)["id"]

    def _people(self) -> None:
        for human in EVERYBODY:
            if human is not ADMINISTRATOR:
                self._account(human)
        for human in (human for human in EVERYBODY if human is not ADMINISTRATOR and human.roles[0].role in _BUSINESS):
            for role in human.roles:
                self._admin.post_once(f"{GATEWAY}/grants", self._grant(human, role))
        for owner in OWNERS:
            self._admin.post_once(f"{GATEWAY}/grants", self._grant(owner, owner.roles[0]))
        for director in DIRECTORS:
            role = director.roles[0]
            body = {"user_id": self.ids[director.key], "role": role.role, "licence": role.licence}
            self._owner_of(role.over).post_once(f"{self._entity(role.over)}/officers", body)
        for human, role in [*((one, one.roles[0]) for one in PROVIDERS), *((one, BOTH_CLINICAL) for one in BOTH)]:
            practice = next(site.practice for site in SITES if site.code == role.over)
            self._owner_of(practice).post_once(f"{self._entity(practice)}/clinical-grants", self._grant(human, role))

    def _account(self, human: Human) -> None:
        body = {"name": human.name, "email": human.email}
        self.ids[human.key] = self._admin.post_once(f"{GATEWAY}/users", body)["id"]
        if not self._has_password(human):
            one_time = secrets.token_urlsafe(12)
            path = f"{GATEWAY}/users/{self.ids[human.key]}/one-time-password"
            answer = self._admin.call("PUT", path, {"one_time_password": one_time})
            if not answer.ok:
                raise Refused(f"no password for {human.email}: {answer.status} {answer.body}")
            self._own_password(human, one_time)

    def _grant(self, human: Human, role: Role) -> dict[str, Any]:
        site = role.over in {site.code for site in SITES}
        kind = "organization" if role.over == "organization" else ("location" if site else "legal_entity")
        body: dict[str, Any] = {"user_id": self.ids[human.key], "role": role.role, "scope_kind": kind}
        if kind != "organization":
            body["scope_id"] = self.ids[role.over]
        if role.limit:
            body["approval_limit"] = role.limit
        if role.licence and role.role != "clinical_entity_owner":
            body["licence"] = role.licence
        return body

    def _owner_of(self, practice: str) -> Person:
        return self.person(next(owner for owner in OWNERS if owner.roles[0].over == practice))

    def _entity(self, practice: str) -> str:
        return f"/v1/entities/{self.ids[practice]}/gateway"

    def _agreements(self) -> None:
        for practice in (company.key for company in COMPANIES if company.kind == "clinical_entity"):
            first, last = term(practice, self.today)
            body = {
                "mso_id": self.ids["mso"],
                "legal_entity_id": self.ids[practice],
                "location_ids": [self.ids[site.code] for site in SITES if site.practice == practice],
                "services": EVERY_SERVICE,
                "starts_on": str(first),
                "ends_on": str(last),
            }
            agreement = self._admin.post_once(f"{GATEWAY}/agreements", body)["id"]
            self.ids[f"agreement {practice}"] = agreement
            signed = {"signed_on": str(first - timedelta(days=14))}
            self._owner_of(practice).post_once(f"{self._entity(practice)}/agreements/{agreement}/signature", signed)
            associate = {
                "legal_entity_id": self.ids[practice],
                "business_associate_id": self.ids["mso"],
                "signed_on": str(first - timedelta(days=14)),
                "ends_on": str(last),
            }
            self._admin.post_once(f"{GATEWAY}/business-associate-agreements", associate)

    def _machine(self) -> str:
        """The clinical system of the CA practice: registered by the office, given its role and key by the owner."""
        client = self._admin.post_once(f"{GATEWAY}/machine-clients", {"name": MACHINE})["id"]
        owner, entity = self._owner_of("CA"), self._entity("CA")
        grant = {
            "user_id": client,
            "role": MACHINE_ROLE,
            "scope_kind": "legal_entity",
            "scope_id": self.ids["CA"],
        }
        owner.post_once(f"{entity}/clinical-grants", grant)
        expires = {"expires_on": str(self.today + timedelta(days=360))}
        return str(owner.post(f"{entity}/machine-clients/{client}/keys", expires)["key"])

    def _sign_ins(self) -> list[dict[str, str]]:
        shown = []
        for human in EVERYBODY:
            roles = [*human.roles, *([BOTH_CLINICAL] if human in BOTH else [])]
            titles = " and ".join(
                " ".join([role.role, role.over.replace("organization", "")]).strip() for role in roles
            )
            shown.append({"role": titles, "email": human.email, "password": self.passwords[human.key]})
        return shown


EVERYBODY_BY_KEY = {human.key: human for human in EVERYBODY}
_BUSINESS = {role.role for human in EVERYBODY for role in human.roles} - {
    "clinical_entity_owner",
    "medical_director",
    "provider",
}


def create(base: str, folder: Path, bootstrap: dict[str, Any], say: Say) -> list[dict[str, str]]:
    """Create the demo franchise at the gateway `base` once; returns the sign-ins. Raises Refused.

    `bootstrap` is what `python -m services command gateway bootstrap` printed: organization_id, user_id and, the first
    time, a one_time_password.
    """
    began = time.monotonic()
    say("Creating the demo franchise, once, through the API:")
    sign_ins = Franchise(base, folder, bootstrap, say).create()
    say(f"  done in {time.monotonic() - began:.0f} s")
    return sign_ins


def _write(path: Path, content: Any) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1))
