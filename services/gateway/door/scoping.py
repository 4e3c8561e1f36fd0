"""Decide one operation at one address: which rows the caller may reach there, by which policy, or why not."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.gateway.catalogue.operations import Operation
from services.gateway.door.places import covering, entity_of, facts_at, over_organization, roles
from services.gateway.policies.engine import Engine, Policy, Verdict
from services.gateway.policies.facts import Facts
from services.gateway.principals.snapshot import Entity, Grant, Location, Organization, Period, Place, Principal
from services.gateway.roles import Plane
from shared.clock import today
from shared.tenancy import Scope

AddressKind = Literal["location", "entity", "network"]

NOT_COVERED = Policy("wall.not-yours", "forbid", "Nothing you hold covers this place.", "", 0)
OTHER_PLANE = Policy("wall.other-plane", "forbid", "You hold roles here on the other plane only.", "", 0)


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL addresses: one location, one legal entity, or the network (`id` None)."""

    kind: AddressKind
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what their organization is."""

    principal: Principal
    organization: Organization

    @property
    def plane(self) -> Plane:
        return self.principal.plane

    @property
    def grants(self) -> tuple[Grant, ...]:
        return self.organization.grants.get(self.principal.id, ())

    @property
    def purposes(self) -> tuple[tuple[UUID, Period], ...]:
        return self.organization.purposes.get(self.principal.id, ())

    def purpose_at(self, place: Place) -> bool:
        entity = entity_of(place)
        on = today(entity.zone)
        return any(entity_id == entity.id and period.holds(on) for entity_id, period in self.purposes)

    def asking(self, grants: Iterable[Grant]) -> Facts:
        """The caller with the roles that `grants` give on the acting plane."""
        return Facts(self.plane, roles(grants, self.plane), person=self.principal.kind == "person")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision at an address. `scope` and `roles` are what the token will say; without a scope it is a refusal.

    `entity` is the legal entity that the decision concerns, where there is one; `facts` what the decision was based on.
    """

    policy: Policy
    scope: Scope | None = None
    roles: frozenset[str] = frozenset()
    limits: dict[str, Decimal] = field(default_factory=dict)
    licence: str | None = None
    entity: Entity | None = None
    facts: Facts | None = None

    @property
    def allowed(self) -> bool:
        return self.scope is not None


@dataclass(frozen=True, slots=True)
class _Seen:
    """One place as the caller meets it."""

    place: Place
    grants: tuple[Grant, ...]
    facts: Facts
    verdict: Verdict


def resolve(engine: Engine, operation: Operation, address: Address, caller: Caller) -> Outcome:
    """Decide `operation` at `address` for `caller`, today where the place lies."""
    if address.kind == "network":
        return _at_network(engine, operation, caller)
    place = _find(caller.organization, address)
    if place is None:
        return Outcome(NOT_COVERED)
    seen = _look(engine, operation, caller, place)
    entity = entity_of(place)
    if not seen.grants:
        return Outcome(NOT_COVERED)
    if not seen.facts.roles:
        return Outcome(OTHER_PLANE, entity=entity, facts=seen.facts)
    if not seen.verdict.allowed:
        return Outcome(seen.verdict.policy, entity=entity, facts=seen.facts)
    return Outcome(
        seen.verdict.policy,
        _scope_of(engine, operation, caller, place),
        seen.facts.roles,
        _limits([seen], caller.plane),
        _licence(operation, seen.grants),
        entity,
        seen.facts,
    )


def _find(organization: Organization, address: Address) -> Place | None:
    if address.id is None:
        return None
    if address.kind == "location":
        return organization.locations.get(address.id)
    return organization.entities.get(address.id)


def _look(engine: Engine, operation: Operation, caller: Caller, place: Place) -> _Seen:
    grants = covering(caller.grants, place)
    asking = replace(caller.asking(grants), purpose_grant=caller.purpose_at(place))
    facts = facts_at(place, asking, service=operation.service, on=today(place.zone))
    return _Seen(place, grants, facts, engine.decide(operation, facts))


def _scope_of(engine: Engine, operation: Operation, caller: Caller, place: Place) -> Scope:
    organization = caller.organization
    if isinstance(place, Location):
        return Scope(organization.id, "location", (place.id,), (place.entity.id,))
    # An agreement may cover some sites of an entity only: the others stay closed to the business side.
    sites = (_look(engine, operation, caller, site) for site in organization.sites_of(place))
    allowed = tuple(seen.place.id for seen in sites if seen.verdict.allowed)
    return Scope(organization.id, "entity", allowed, (place.id,))


def _at_network(engine: Engine, operation: Operation, caller: Caller) -> Outcome:
    if "network" not in operation.scopes:
        return _at_organization(engine, operation, caller)
    organization = caller.organization
    places: list[Place] = [*organization.locations.values(), *organization.entities.values()]
    seen = [_look(engine, operation, caller, place) for place in places]
    allowed = [one for one in seen if one.facts.roles and one.verdict.allowed]
    if not places:
        return _at_organization(engine, operation, caller)
    if allowed:
        everywhere = _at_organization(engine, operation, caller).allowed
        whole = everywhere and len(allowed) == len(places)
        scope = Scope.whole(organization.id) if whole else _several(organization.id, allowed, office=everywhere)
        return _network_outcome(caller, allowed, scope)
    return _network_refusal(engine, operation, caller, seen)


def _network_outcome(caller: Caller, allowed: list[_Seen], scope: Scope) -> Outcome:
    held = frozenset().union(*(one.facts.roles for one in allowed))
    return Outcome(allowed[0].verdict.policy, scope, held, _limits(allowed, caller.plane))


def _several(organization_id: UUID, allowed: list[_Seen], *, office: bool) -> Scope:
    locations = tuple(one.place.id for one in allowed if isinstance(one.place, Location))
    entities = {one.place.id for one in allowed if isinstance(one.place, Entity)}
    entities |= {one.place.entity.id for one in allowed if isinstance(one.place, Location)}
    return Scope(organization_id, "network", locations, tuple(sorted(entities)), office=office)


def _network_refusal(engine: Engine, operation: Operation, caller: Caller, seen: list[_Seen]) -> Outcome:
    here = [one for one in seen if one.facts.roles]
    if here:
        worst = min(here, key=lambda one: one.verdict.policy.rank)
        return Outcome(worst.verdict.policy, facts=worst.facts)
    if any(one.grants for one in seen):
        return Outcome(OTHER_PLANE, facts=caller.asking(()))
    return _at_organization(engine, operation, caller)


def _at_organization(engine: Engine, operation: Operation, caller: Caller) -> Outcome:
    """The things of the whole organization: only a grant over all of it counts."""
    held = over_organization(caller.grants)
    facts = caller.asking(held)
    if held and not facts.roles:
        return Outcome(OTHER_PLANE, facts=facts)
    verdict = engine.decide(operation, facts)
    if not (facts.roles and verdict.allowed):
        return Outcome(verdict.policy if facts.roles else NOT_COVERED, facts=facts)
    kind: Literal["network", "organization"] = "organization" if "organization" in operation.scopes else "network"
    scope = Scope(caller.organization.id, kind)
    return Outcome(verdict.policy, scope, facts.roles, _largest(held, caller.plane))


def _licence(operation: Operation, grants: Iterable[Grant]) -> str | None:
    """The licence under which a reserved decision is taken."""
    return next((grant.licence for grant in grants if grant.role == operation.decider and grant.licence), None)


def _limits(places: Iterable[_Seen], plane: Plane) -> dict[str, Decimal]:
    """Over several places the smallest of each place's limits: a high limit at one site opens nothing at another."""
    each = [_largest(one.grants, plane) for one in places]
    names = set().union(*each) if each else set()
    return {name: min(limits.get(name, Decimal(0)) for limits in each) for name in names}


def _largest(grants: Iterable[Grant], plane: Plane) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for grant in grants:
        if grant.plane == plane:
            for name, value in grant.limits.items():
                found[name] = max(value, found.get(name, value))
    return found
