"""A franchise made through the directory's own API, and the people who act in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from services.gateway import bootstrap
from services.gateway.rules import service as rules
from shared.clock import today
from shared.db import Database
from shared.ids import PLATFORM, new_id
from shared.keys import Keyring
from shared.outbox import Origin, Pending
from shared.tenancy import Scope
from tests.support.callers import Caller

PASSWORD = "correct horse battery"
ORIGIN = Origin(service="gateway", request_id="test", operation="gateway.command.run")


@dataclass
class Brand:
    """An organization; `app` is the app behind the door, `front` the one in front of it, on the same database."""

    app: Flask
    open_front: Callable[[], Flask]
    keyring: Keyring
    slug: str = "lumina"
    made: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.made = bootstrap.organization(
            self.database,
            ORIGIN,
            slug=self.slug,
            name="Lumina Med Spas",
            currency="USD",
            email=f"admin@{self.slug}.example",
            admin_name="Ada Admin",
        )

    @property
    def front(self) -> Flask:
        return self.open_front()

    @property
    def database(self) -> Database:
        database: Database = self.app.extensions["partywall"].database
        return database

    @property
    def id(self) -> UUID:
        return UUID(self.made["organization_id"])

    @property
    def admin(self) -> Caller:
        """The first administrator, at the desk of the whole organization."""
        return self.caller("franchise_admin", principal_id=UUID(self.made["user_id"]))

    def caller(self, *roles: str, plane: str = "business", scope: Scope | None = None, **changes: Any) -> Caller:
        scope = scope or Scope(self.id, "organization")
        return Caller(self.app, self.keyring, scope, frozenset(roles), plane, **changes)

    def owner(self, entity_id: str, user_id: str | None = None, sites: tuple[str, ...] = ()) -> Caller:
        """The owner of a clinical entity, acting for it."""
        person = UUID(user_id) if user_id else new_id()
        return self.at_entity(entity_id, "clinical_entity_owner", sites=sites).but(
            plane="clinical", principal_id=person
        )

    def at_entity(self, entity_id: str, *roles: str, sites: tuple[str, ...] = ()) -> Caller:
        scope = Scope(self.id, "entity", tuple(map(UUID, sites)), (UUID(entity_id),))
        return self.caller(*roles, scope=scope)

    def at_sites(self, *roles: str, sites: tuple[str, ...], entities: tuple[str, ...] = ()) -> Caller:
        """Somebody at the network desk who reaches some sites only."""
        scope = Scope(self.id, "network", tuple(map(UUID, sites)), tuple(map(UUID, entities)))
        return self.caller(*roles, scope=scope)

    def everywhere(self, *roles: str, plane: str = "business") -> Caller:
        return self.caller(*roles, plane=plane, scope=Scope.whole(self.id))

    def load_rules(self) -> dict[str, int]:
        with self.database.transaction(Scope.whole(PLATFORM)) as session:
            session.info["origin"] = ORIGIN
            return rules.load(session)

    def entity(self, kind: str = "clinical_entity", name: str = "Lakeside Aesthetics PC", state: str = "CA") -> str:
        body = {"kind": kind, "name": name, "state": state, "form": "PC", "time_zone": "America/Los_Angeles"}
        return str(ok(self.admin.post("/legal-entities", json=body), 201)["id"])

    def site(self, entity_id: str, code: str = "CA-01", **changes: Any) -> str:
        body = {"code": code, "name": f"Site {code}", "state": "CA", "time_zone": "America/Los_Angeles"}
        return str(ok(self.admin.post("/locations", json={**body, "legal_entity_id": entity_id, **changes}), 201)["id"])

    def person(self, name: str = "Bea Buyer", password: str | None = None) -> str:
        """A user; with a password of their own where one is given."""
        email = self.email(name)
        user_id = str(ok(self.admin.post("/users", json={"name": name, "email": email}), 201)["id"])
        if password:
            self.set_password(user_id, name, password)
        return user_id

    def set_password(self, user_id: str, name: str, password: str) -> None:
        body = {"one_time_password": "one time only 1"}
        assert self.admin.put(f"/users/{user_id}/one-time-password", json=body).status_code == 204
        changed = {"email": self.email(name), "password": "one time only 1", "new_password": password}
        assert self.front.test_client().put("/v1/password", json=changed).status_code == 204

    def email(self, name: str) -> str:
        return f"{name.split()[0].lower()}@{self.slug}.example"

    def grant(
        self, user_id: str, role: str, kind: str = "organization", scope_id: str | None = None, **more: Any
    ) -> str:
        body = {"user_id": user_id, "role": role, "scope_kind": kind, "scope_id": scope_id, **more}
        return str(ok(self.admin.post("/grants", json=body), 201)["id"])

    def draft(self, mso_id: str, entity_id: str, *sites: str, **changes: Any) -> str:
        body = {
            "mso_id": mso_id,
            "legal_entity_id": entity_id,
            "location_ids": list(sites),
            "services": ["procurement", "hr"],
            "starts_on": str(today() - timedelta(days=30)),
            **changes,
        }
        return str(ok(self.admin.post("/agreements", json=body), 201)["id"])

    def sign_in(self, name: str, password: str = PASSWORD, plane: str = "business") -> TestResponse:
        body = {"email": self.email(name), "password": password, "plane": plane}
        return self.front.test_client().post("/v1/sessions", json=body)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of what was told of one type, in the order it was told."""
        with self.database.platform_transaction() as session:
            rows = select(Pending.envelope).where(Pending.type == kind, Pending.organization_id == self.id)
            envelopes = session.execute(rows.order_by(Pending.id)).scalars().all()
        return [msgspec.json.decode(envelope)["data"] for envelope in envelopes]


def ok(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The body of an answer that must have this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json() or {}
    return body


def refused(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    """The problem document of a refusal of this kind."""
    body: dict[str, Any] = response.get_json()
    assert (response.status_code, body["type"]) == (status, f"/docs/problems#{slug}"), body
    return body
