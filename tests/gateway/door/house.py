"""The door of the small franchise: the real wall, gate, log and proxy; permits and directory are plain facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import Flask

from services.gateway.app import create_directory
from services.gateway.catalogue.operations import Catalogue
from services.gateway.decisions.writer import Writer
from services.gateway.door import routes
from services.gateway.door.gate import Gate
from services.gateway.door.proxy import Peers
from services.gateway.door.rates import Rates
from services.gateway.door.refusals import Sources
from services.gateway.policies import engine
from services.gateway.policies.engine import Engine
from services.gateway.principals.snapshot import Grant, Organization, Period, Principal
from services.gateway.settings import RateLimits
from shared.clock import today
from shared.errors import NotFound, Unauthenticated
from shared.settings import Settings
from shared.web.app import create_app
from tests.gateway.door import franchise as f


@dataclass
class PlainDirectory:
    """Tokens are names; what they may stands in `holds`."""

    organization_now: Organization = f.FRANCHISE
    people: dict[str, Principal] = field(default_factory=dict)
    version: int = 1

    def admit(
        self, name: str, *grants: Grant, plane: Any = "business", purposes: tuple[tuple[UUID, Period], ...] = ()
    ) -> dict[str, str]:
        """The headers of somebody who holds `grants`."""
        principal = Principal(f.named(name), "person", name, self.organization_now.id, plane)
        self.people[name] = principal
        self.hold(name, *grants, purposes=purposes)
        return {"Authorization": f"Bearer {name}"}

    def hold(self, name: str, *grants: Grant, purposes: tuple[tuple[UUID, Period], ...] = ()) -> None:
        """From now on `name` holds exactly this."""
        self.version += 1
        known, key = self.organization_now, self.people[name].id
        self.organization_now = replace(
            known,
            version=self.version,
            grants={**known.grants, key: grants},
            purposes={**known.purposes, key: purposes},
        )

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        name = headers.get("Authorization", "").removeprefix("Bearer ")
        if name not in self.people:
            raise Unauthenticated("Sign in.")
        return self.people[name]

    def organization(self, organization_id: UUID) -> Organization:
        if organization_id != self.organization_now.id:
            raise NotFound()
        return self.organization_now


@dataclass
class House:
    """A door, who may knock, and what stands behind."""

    app: Flask
    directory: PlainDirectory
    writer: Writer

    def ask(self, method: str, url: str, headers: dict[str, str] | None = None, **options: Any) -> Any:
        return self.app.test_client().open(url, method=method, headers=headers, **options)


def make_house(
    make_settings: Callable[..., Settings],
    peers: dict[str, str],
    *,
    catalogue: Catalogue = f.CATALOGUE,
    permits: str = f.PERMITS,
    rates: Rates | None = None,
    **changes: Any,
) -> House:
    settings = make_settings("gateway", peers=peers, **changes)
    inner = create_directory(settings)
    process = inner.extensions["partywall"]
    writer, directory = Writer(process.database), PlainDirectory()
    policies = Engine({"wall.cedar": engine.files()["wall.cedar"], "test.cedar": permits})
    gate = Gate(policies, catalogue, Sources.load(today()), process.keyring, writer)
    services, counted = Peers(settings.peers, settings.threads), rates or Rates(RateLimits())
    way = routes.Door(gate, directory, services, inner, counted)  # type: ignore[arg-type]
    app = create_app(settings, title="Partywall", blueprints=[routes.blueprint(way)], database=process.database)
    return House(app, directory, writer)


def at(place: str, path: str, service: str = "procurement") -> str:
    """A URL at one location."""
    return f"/v1/locations/{f.named(place)}/{service}{path}"


def of(entity: str, path: str, service: str = "procurement") -> str:
    """A URL of one legal entity."""
    return f"/v1/entities/{f.named(entity)}/{service}{path}"
