"""The directory as the door reads it: plain, frozen facts of one organization, and who speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.gateway.roles import ROLES, Plane, ScopeKind


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `starts_on` to `ends_on`, both included; no end means open."""

    starts_on: date
    ends_on: date | None = None

    def holds(self, on: date) -> bool:
        return self.starts_on <= on and (self.ends_on is None or on <= self.ends_on)

    def is_over(self, on: date) -> bool:
        return self.ends_on is not None and self.ends_on < on


@dataclass(frozen=True, slots=True)
class Agreement:
    """A signed management services agreement: which services, when."""

    period: Period
    services: frozenset[str]
    id: UUID | None = None
    mso_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A legal entity. `agreements` are those it is the clinical party of, `associations` the terms of its
    business-associate agreements."""

    id: UUID
    kind: Literal["mso", "clinical_entity", "franchisee"]
    name: str
    zone: str = "UTC"
    agreements: tuple[Agreement, ...] = ()
    associations: tuple[Period, ...] = ()

    @property
    def clinical(self) -> bool:
        return self.kind == "clinical_entity"


@dataclass(frozen=True, slots=True)
class Location:
    """A site and the clinical entity that practises there; `agreements` are those that name the site."""

    id: UUID
    entity: Entity
    region_id: UUID | None = None
    zone: str = "UTC"
    agreements: tuple[Agreement, ...] = ()
    name: str = ""


Place = Location | Entity


@dataclass(frozen=True, slots=True)
class Grant:
    """A role over a scope for a time. `scope_id` is None for the whole organization. `licence`: the one under which a
    clinical role acts, "CA A123456"."""

    role: str
    scope_kind: ScopeKind
    scope_id: UUID | None
    period: Period
    limits: Mapping[str, Decimal] = field(default_factory=dict)
    licence: str | None = None
    id: UUID | None = None

    @property
    def plane(self) -> Plane:
        return ROLES[self.role].plane

    def covers(self, place: Place) -> bool:
        """A grant on a clinical entity covers its locations; on any other entity only its own books."""
        match self.scope_kind:
            case "organization":
                return True
            case "legal_entity":
                return self.scope_id == (place.entity.id if isinstance(place, Location) else place.id)
            case "location":
                return isinstance(place, Location) and self.scope_id == place.id
            case "region":
                return isinstance(place, Location) and self.scope_id is not None and self.scope_id == place.region_id


@dataclass(frozen=True, slots=True)
class Organization:
    """One franchise. `version` grows with every change of what stands here: remember decisions under it.

    `grants` and `purposes` are by principal (users and machine clients); revoked and ended ones are left out, future
    ones are in. `purposes` are pairs of the clinical entity that opened its patient-level data and for how long.
    """

    id: UUID
    locations: Mapping[UUID, Location]
    entities: Mapping[UUID, Entity]
    version: int = 0
    name: str = ""
    grants: Mapping[UUID, tuple[Grant, ...]] = field(default_factory=dict)
    purposes: Mapping[UUID, tuple[tuple[UUID, Period], ...]] = field(default_factory=dict)

    def sites_of(self, entity: Entity) -> tuple[Location, ...]:
        return tuple(location for location in self.locations.values() if location.entity.id == entity.id)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who speaks: a person in a session (or with a token of an external issuer) on one plane, or a machine client."""

    id: UUID
    kind: Literal["person", "machine"]
    name: str
    organization_id: UUID
    plane: Plane
    session_id: UUID | None = None
