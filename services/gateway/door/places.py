"""What of an organization's facts holds at a place today, for somebody who asks there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from services.gateway.policies.facts import Facts
from services.gateway.principals.snapshot import Entity, Grant, Location, Place
from services.gateway.roles import Plane
from shared.clock import today


def entity_of(place: Place) -> Entity:
    """The legal entity a place is, or that practises there."""
    return place.entity if isinstance(place, Location) else place


def day_of(grant: Grant, place: Place) -> date:
    """The day it is where a grant counts its dates: at the entity it is about, in UTC where it spans several."""
    return today(entity_of(place).zone) if grant.scope_kind in ("location", "legal_entity") else today()


def covering(grants: Iterable[Grant], place: Place) -> tuple[Grant, ...]:
    """The grants in force today that cover `place`, of both planes."""
    return tuple(grant for grant in grants if grant.covers(place) and grant.period.holds(day_of(grant, place)))


def over_organization(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """The grants in force today over the whole organization, of both planes."""
    return tuple(grant for grant in grants if grant.scope_kind == "organization" and grant.period.holds(today()))


def roles(grants: Iterable[Grant], plane: Plane) -> frozenset[str]:
    """The roles of one plane among `grants`."""
    return frozenset(grant.role for grant in grants if grant.plane == plane)


def facts_at(place: Place, asking: Facts, *, service: str, on: date) -> Facts:
    """`asking` (who, on which plane, with which roles) completed by what is true of `place` on `on` for `service`."""
    entity = entity_of(place)
    in_force = [agreement for agreement in place.agreements if agreement.period.holds(on)]
    ended = [agreement for agreement in place.agreements if agreement.period.is_over(on)]
    last = max(ended, key=lambda agreement: agreement.period.ends_on or date.max, default=None)
    telling = in_force or ([last] if last else [])
    return replace(
        asking,
        needs_agreement=entity.clinical and service != "gateway",
        agreement_in_force=bool(in_force),
        agreement_services=frozenset().union(*(agreement.services for agreement in telling)),
        winding_down=last is not None and not in_force,
        baa=any(period.holds(on) for period in entity.associations),
    )
