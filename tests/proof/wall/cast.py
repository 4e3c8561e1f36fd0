"""Who attacks: people of the demo franchise whose grants end before the target, and a second organization of their own.

Everybody is made through the public API. Their sessions are written as a sign-in writes them, without the cost of
hashing forty passwords.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from deploy.demo.client import Answer, send
from services.gateway.roles import ROLES, Role, of_plane
from services.gateway.sessions import tokens
from services.gateway.sessions.models import LONGEST, SignedIn
from shared.ids import new_id
from shared.tenancy import Scope
from tests.proof.wall.world import World

NETWORK = "/v1/network/gateway"
EVERYTHING = ["procurement", "hr", "billing", "marketing", "facilities", "it", "bookkeeping"]
NOTHING_OURS = ["marketing", "facilities", "it"]
WATCHERS = ("auditor", "ops", "wind_down")  # they may change nothing: with them, an attacker would be weaker
_KNOWN_SECONDS = 20.0
_TOKEN_SECONDS = 240


class NotMade(Exception):
    """The cast could not be made; says which call was answered how."""


@dataclass
class Caller:
    """Somebody with a session or an API key. `locations` and `entities`: where their grants reach, None for all."""

    world: World
    name: str
    organization: UUID
    user: UUID
    plane: Any
    locations: frozenset[str] | None = frozenset()
    entities: frozenset[str] | None = frozenset()
    roles: frozenset[str] = frozenset()
    key: str | None = None
    kind: Any = "person"
    signed_in: SignedIn | None = None
    _token: tuple[float, str] = field(default=(0.0, ""), repr=False)

    @property
    def bearer(self) -> str:
        """The API key, or an access token that is still good for a while."""
        if self.key:
            return self.key
        if time.monotonic() - self._token[0] > _TOKEN_SECONDS or not self._token[1]:
            assert self.signed_in is not None
            issued, _ = tokens.issue(self.world.keyring("gateway"), self.signed_in, self.name, datetime.now(UTC))
            self._token = (time.monotonic(), issued)
        return self._token[1]

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One request through the door."""
        headers = {"Authorization": f"Bearer {self.bearer}", "Idempotency-Key": str(uuid4())}
        return send(self.world.platform.url, method, path, body, headers)

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """A call that must work; a directory change may take two seconds to be known. Raises NotMade."""
        deadline = time.monotonic() + _KNOWN_SECONDS
        while (answer := self.call(method, path, body)).status in (403, 404) and time.monotonic() < deadline:
            time.sleep(0.3)
        if not answer.ok:
            raise NotMade(f"{self.name}: {method} {path}: {answer.status} {answer.body}")
        return answer.body


def sign_in(world: World, caller: Caller) -> Caller:
    """Give `caller` a session."""
    at = datetime.now(UTC)
    row = SignedIn(
        id=new_id(), organization_id=caller.organization, user_id=caller.user, family_id=new_id(), plane=caller.plane,
        started_at=at, expires_at=at + LONGEST,
    )  # fmt: skip
    with world.databases["gateway"].transaction(Scope.whole(caller.organization)) as session:
        session.add(row)
    caller.signed_in = row
    return caller


def end_session(world: World, caller: Caller) -> None:
    """Sign `caller` out: the token in hand stays well-formed and unexpired."""
    assert caller.signed_in is not None
    with world.databases["gateway"].transaction(Scope.whole(caller.organization)) as session:
        session.get_one(SignedIn, caller.signed_in.id).end(datetime.now(UTC), "signed out")


@dataclass(frozen=True, slots=True)
class Practice:
    """A clinical entity, its one site, and its owner."""

    entity: str
    location: str
    owner: Caller


class Company:
    """One organization while its part of the cast is made."""

    def __init__(self, world: World, organization: UUID, admin: Caller) -> None:
        self.world, self.organization, self.admin = world, organization, admin
        self._counted = 0

    def person(self, name: str, plane: str) -> Caller:
        """A new account and its session; no role yet."""
        tag = uuid4().hex[:8]
        body = {"name": f"{name} {tag}", "email": f"{tag}@wall.example"}
        user = self.admin.must("POST", f"{NETWORK}/users", body)["id"]
        return sign_in(self.world, Caller(self.world, name, self.organization, UUID(user), plane))

    def grant(self, to: Caller, role: str, kind: str, scope: str | None = None) -> str:
        """A business role, or the first owner of an entity, from the administrator. Returns the grant's id."""
        body: dict[str, Any] = {"user_id": str(to.user), "role": role, "scope_kind": kind, "scope_id": scope}
        if ROLES[role].plane == "business":
            body["approval_limit"] = "900000.00"
        to.roles |= {role}
        return str(self.admin.must("POST", f"{NETWORK}/grants", body)["id"])

    def entity(self, kind: str, name: str) -> str:
        body = {
            "kind": kind,
            "name": f"{name} {uuid4().hex[:4]}",
            "state": "CA",
            "form": "PC",
            "time_zone": "America/Los_Angeles",
        }
        return str(self.admin.must("POST", f"{NETWORK}/legal-entities", body)["id"])

    def practice(self, name: str, mso: str, services: Iterable[str]) -> Practice:
        """A Californian practice with a site, an owner, and a signed agreement over `services`."""
        entity = self.entity("clinical_entity", f"{name} Skin PC")
        site = {"code": f"W{uuid4().hex[:5]}".upper(), "name": f"{name} Parade", "state": "CA", "locality": "Fresno"}
        site |= {"time_zone": "America/Los_Angeles", "legal_entity_id": entity}
        location = self.admin.must("POST", f"{NETWORK}/locations", site)["id"]
        owner = self.person(f"Owner of {name}", "clinical")
        self.grant(owner, "clinical_entity_owner", "legal_entity", entity)
        owner.locations, owner.entities = frozenset({location}), frozenset({entity})
        practice = Practice(entity, location, owner)
        self._agree(practice, mso, list(services))
        return practice

    def _agree(self, practice: Practice, mso: str, services: list[str]) -> None:
        first = self.world.stage.today - timedelta(days=40)
        body = {"mso_id": mso, "legal_entity_id": practice.entity, "location_ids": [practice.location]}
        body |= {"services": services, "starts_on": str(first)}
        drafted = self.admin.must("POST", f"{NETWORK}/agreements", body)["id"]
        path = f"/v1/entities/{practice.entity}/gateway/agreements/{drafted}/signature"
        practice.owner.must("POST", path, {"signed_on": str(first)})
        associate = {"legal_entity_id": practice.entity, "business_associate_id": mso, "signed_on": str(first)}
        self.admin.must("POST", f"{NETWORK}/business-associate-agreements", associate)

    def of_business(self, name: str, *scopes: tuple[str, str | None]) -> Caller:
        """Every business role that each of `scopes` (kind, id) can carry, in one person."""
        caller = self.person(name, "business")
        for kind, scope in scopes:
            for role in of_plane("business"):
                if kind in role.over and role.name not in WATCHERS:
                    self.grant(caller, role.name, kind, scope)
        return caller

    def of_clinic(self, name: str, owner: Caller, entity: str) -> Caller:
        """Owner, medical director and provider of an entity in one person."""
        caller = self.person(name, "clinical")
        base = f"/v1/entities/{entity}/gateway"
        for role in ("clinical_entity_owner", "medical_director"):
            body = {"user_id": str(caller.user), "role": role, "licence": "CA A700700"}
            owner.must("POST", f"{base}/officers", body)
        self._clinical(owner, base, caller, "provider", "legal_entity", entity, "CA NP700700")
        caller.roles = frozenset({"clinical_entity_owner", "medical_director", "provider"})
        return caller

    def of_site(self, name: str, owner: Caller, entity: str, location: str) -> Caller:
        """A provider at one site of an entity."""
        caller = self.person(name, "clinical")
        base = f"/v1/entities/{entity}/gateway"
        self._clinical(owner, base, caller, "provider", "location", location, "CA NP700701")
        caller.roles = frozenset({"provider"})
        return caller

    def machine(self, name: str, owner: Caller, entity: str, kind: str, scope: str) -> Caller:
        """A clinical system with a key, over an entity or one site of it."""
        client = self.admin.must("POST", f"{NETWORK}/machine-clients", {"name": f"{name} {uuid4().hex[:6]}"})["id"]
        caller = Caller(self.world, name, self.organization, UUID(client), "clinical", kind="machine")
        base = f"/v1/entities/{entity}/gateway"
        self._clinical(owner, base, caller, "clinical_system", kind, scope, None)
        expires = {"expires_on": str(self.world.stage.today + timedelta(days=30))}
        caller.key = owner.must("POST", f"{base}/machine-clients/{client}/keys", expires)["key"]
        caller.roles = frozenset({"clinical_system"})
        return caller

    def _clinical(
        self, owner: Caller, base: str, to: Caller, role: str, kind: str, scope: str, licence: str | None
    ) -> None:
        body = {"user_id": str(to.user), "role": role, "scope_kind": kind, "scope_id": scope, "licence": licence}
        owner.must("POST", f"{base}/clinical-grants", body)


@dataclass
class Cast:
    """Everybody, by what they are for. `at_*`: business, clinical person and machine with grants only there."""

    neighbour: Practice
    neighbours: list[Caller]
    at_site: list[Caller]
    at_entity: list[Caller]
    outsiders: list[Caller]
    office: Caller
    clinic: Caller
    uncovered: Practice
    ended_owner: Caller
    each_role: dict[str, Caller]
    neighbour_admin: Caller


def known_admin(world: World) -> Caller:
    """The demo franchise's administrator, in a session of the same kind."""
    ids = world.stage.ids
    return sign_in(world, Caller(world, "Avery Cole", world.organization, UUID(ids["avery.cole"]), "business"))


def second_organization(world: World) -> Company:
    """Another brand on the same platform, as its operator makes it."""
    tag = uuid4().hex[:8]
    options = [f"--slug=wall-{tag}", "--name=Quillfeather Clinics", f"--email=admin-{tag}@wall.example"]
    ran = world.platform.launcher.run("command", "gateway", "bootstrap", *options, "--admin-name=Odalys Quillfeather")
    if ran.returncode:
        raise NotMade(ran.stderr)
    made = json.loads(ran.stdout)
    organization = UUID(made["organization_id"])
    admin = Caller(world, "Odalys Quillfeather", organization, UUID(made["user_id"]), "business")
    return Company(world, organization, sign_in(world, admin))


def _placed(callers: list[Caller], location: str, entity: str | None) -> list[Caller]:
    for caller in callers:
        caller.locations = frozenset({location})
        caller.entities = frozenset({entity} if entity else ())
    return callers


def placed_at(caller: Caller, practice: Practice) -> Caller:
    """The same person seen at one practice, for a database session of that scope."""
    return replace(caller, locations=frozenset({practice.location}), entities=frozenset({practice.entity}))


def neighbours(world: World) -> tuple[Company, Practice, list[Caller]]:
    """The second organization and its all-powerful people."""
    company = second_organization(world)
    mso = company.entity("mso", "Quillfeather Management LLC")
    practice = company.practice("Quillfeather", mso, EVERYTHING)
    business = company.of_business(
        "Quillfeather office",
        ("organization", None),
        ("legal_entity", practice.entity),
        ("location", practice.location),
    )
    clinical = company.of_clinic("Quillfeather clinician", practice.owner, practice.entity)
    machine = company.machine("Quillfeather EHR", practice.owner, practice.entity, "legal_entity", practice.entity)
    everybody = [business, clinical, machine]
    for one in everybody:
        one.locations = one.entities = None
    return company, practice, everybody


def gather(world: World, company: Company, practice: Practice, others: list[Caller]) -> Cast:
    """The whole cast; those of the demo franchise stand at SJC (a neighbour site of OAK) or in New York."""
    ids = world.stage.ids
    home = Company(world, world.organization, known_admin(world))
    owners = {
        state: _owner(world, key) for state, key in (("CA", "dr.nakamura"), ("NY", "dr.weiss"), ("AZ", "dr.begay"))
    }
    at_site = _placed(
        [
            home.of_business("San Jose office", ("location", ids["SJC"])),
            home.of_site("San Jose provider", owners["CA"], ids["CA"], ids["SJC"]),
            home.machine("San Jose EHR", owners["CA"], ids["CA"], "location", ids["SJC"]),
        ],
        ids["SJC"],
        ids["CA"],
    )
    at_entity = _placed(
        [
            home.of_business("New York office", ("legal_entity", ids["NY"]), ("location", ids["BKN"])),
            home.of_clinic("New York clinician", owners["NY"], ids["NY"]),
            home.machine("New York EHR", owners["NY"], ids["NY"], "legal_entity", ids["NY"]),
        ],
        ids["BKN"],
        ids["NY"],
    )
    return Cast(
        neighbour=practice,
        neighbours=others,
        at_site=at_site,
        at_entity=at_entity,
        outsiders=_outsiders(home, owners["CA"], ids),
        office=_unbounded(home.of_business("Whole office", ("organization", None))),
        clinic=_placed([home.of_clinic("Lakeside clinician", owners["CA"], ids["CA"])], ids["OAK"], ids["CA"])[0],
        uncovered=home.practice("Thornbury", ids["mso"], NOTHING_OURS),
        ended_owner=owners["AZ"],
        each_role={role.name: _of_role(home, role, ids) for role in of_plane("business")},
        neighbour_admin=company.admin,
    )


def _unbounded(caller: Caller) -> Caller:
    caller.locations = caller.entities = None
    return caller


def _owner(world: World, key: str) -> Caller:
    caller = Caller(world, key, world.organization, UUID(world.stage.ids[key]), "clinical")
    return sign_in(world, caller)


def _of_role(home: Company, role: Role, ids: dict[str, str]) -> Caller:
    caller = home.person(f"One {role.title}", "business")
    wide = "organization" in role.over
    home.grant(caller, role.name, "organization" if wide else "location", None if wide else ids["OAK"])
    return caller


def _outsiders(home: Company, owner: Caller, ids: dict[str, str]) -> list[Caller]:
    """Signed in while they held a role at the target; it is revoked now."""
    business = home.person("Former manager", "business")
    grant = home.grant(business, "location_manager", "location", ids["OAK"])
    home.admin.must("POST", f"{NETWORK}/grants/{grant}/revocation", {})
    clinical = home.person("Former provider", "clinical")
    base = f"/v1/entities/{ids['CA']}/gateway"
    body = {"user_id": str(clinical.user), "role": "provider", "scope_kind": "location", "scope_id": ids["OAK"]}
    given = owner.must("POST", f"{base}/clinical-grants", {**body, "licence": "CA NP700702"})["id"]
    owner.must("POST", f"{base}/clinical-grants/{given}/revocation", {})
    for one in (business, clinical):
        one.roles = frozenset()
    return [business, clinical]
