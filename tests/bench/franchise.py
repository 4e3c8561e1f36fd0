"""Two hundred more sites for the demo franchise, made through the public API."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from deploy.demo.client import Person
from deploy.demo.people import EVERY_SERVICE, MACHINE
from deploy.demo.stage import Stage
from tests.support.platform import Platform

PRACTICES = 4
_KNOWN_SECONDS = 2.0  # until the gateway has noticed what changed in the directory
GATEWAY = "/v1/network/gateway"


@dataclass(frozen=True, slots=True)
class Site:
    """A location and the clinical entity that practises there."""

    id: UUID
    legal_entity_id: UUID


@dataclass(frozen=True, slots=True)
class Network:
    """The franchise under load. `stage` knows its people."""

    stage: Stage
    organization_id: UUID
    sites: list[Site]

    def person(self, key: str) -> Person:
        return self.stage.person(key)


def grow(platform: Platform, sites: int, before: Sequence[Site] = ()) -> Network:
    """Add Californian sites until there are `sites` besides the demo's, shared evenly among new practices whose
    agreements are in force. `before` are those that an earlier call made; its number makes the new ones' names."""
    stage = Stage(platform.folder, lambda _: None).at(platform.url)
    admin = stage.person("avery.cole")
    client = admin.post_once(f"{GATEWAY}/machine-clients", {"name": MACHINE})["id"]
    made = list(before)
    shares = [len(range(number, sites - len(before), PRACTICES)) for number in range(PRACTICES)]
    for number, share in enumerate(shares, start=len({site.legal_entity_id for site in before})):
        if share:
            made += _practice(stage, admin, client, number, share)
    return Network(stage, UUID(stage.ids["organization"]), made)


def _practice(stage: Stage, admin: Person, client: str, number: int, sites: int) -> list[Site]:
    body = {
        "kind": "clinical_entity",
        "name": f"Meadow Practice {number} PC",
        "state": "CA",
        "form": "PC",
        "time_zone": "America/Los_Angeles",
    }
    entity = admin.post_once(f"{GATEWAY}/legal-entities", body)["id"]
    owner, owner_id = stage.person("dr.nakamura"), stage.ids["dr.nakamura"]
    over = {"scope_kind": "legal_entity", "scope_id": entity}
    admin.post_once(f"{GATEWAY}/grants", {"user_id": owner_id, "role": "clinical_entity_owner", **over})
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda at: _site(admin, entity, number, at), range(sites)))
    _agree(stage, admin, owner, entity, ids)
    system = {"user_id": client, "role": "clinical_system", **over}
    owner.post_once(f"/v1/entities/{entity}/gateway/clinical-grants", system)
    return [Site(UUID(site), UUID(entity)) for site in ids]


def _site(admin: Person, entity: str, number: int, at: int) -> str:
    body: dict[str, Any] = {
        "code": f"N{number:02d}{at:03d}",
        "name": f"Lumina Meadow {number}.{at}",
        "state": "CA",
        "locality": "Oakland",
        "time_zone": "America/Los_Angeles",
        "legal_entity_id": entity,
        "opening_hours": {},
    }
    return str(admin.post_once(f"{GATEWAY}/locations", body)["id"])


def _agree(stage: Stage, admin: Person, owner: Person, entity: str, locations: list[str]) -> None:
    """An agreement over all services, and the business-associate agreement that patients' accounts need."""
    first, last = stage.today - timedelta(days=300), str(stage.today + timedelta(days=400))
    signed = str(first - timedelta(days=14))
    body = {
        "mso_id": stage.ids["mso"],
        "legal_entity_id": entity,
        "location_ids": locations,
        "services": EVERY_SERVICE,
        "starts_on": str(first),
        "ends_on": last,
    }
    agreement = admin.post_once(f"{GATEWAY}/agreements", body)["id"]
    time.sleep(_KNOWN_SECONDS)
    path = f"/v1/entities/{entity}/gateway/agreements/{agreement}/signature"
    owner.post_once(path, {"signed_on": signed})
    associate = {"legal_entity_id": entity, "business_associate_id": stage.ids["mso"], "signed_on": signed}
    admin.post_once(f"{GATEWAY}/business-associate-agreements", {**associate, "ends_on": last})
