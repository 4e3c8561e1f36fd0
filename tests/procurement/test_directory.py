"""A service's copy of the directory: what was told last stands, in whatever order it came."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.contracts.base import Event
from shared.contracts.gateway import AgreementRecorded, LocationRecorded
from shared.directory import HANDLERS, KnownAgreement, KnownLocation
from shared.ids import new_id
from tests.procurement.shop import Shop


def hear(session: Session, shop: Shop, fact: Event, version: int) -> None:
    envelope: Any = SimpleNamespace(organizationid=shop.organization_id, aggregateversion=version)
    HANDLERS[type(fact)](session, envelope, fact)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_an_older_snapshot_never_overwrites_a_newer_one(shop: Shop, order: tuple[int, int]) -> None:
    site = new_id()
    facts = {
        version: LocationRecorded(
            location_id=site,
            code=f"S{version}",
            name=f"Version {version}",
            state="CA",
            locality=None if version == 1 else "Oakland",
            time_zone="America/Los_Angeles",
            legal_entity_id=shop.ca,
            status="open",
        )
        for version in order
    }
    with shop.transaction() as session:
        for version in order:
            hear(session, shop, facts[version], version)
        known = session.get_one(KnownLocation, site)
        assert (known.name, known.locality, known.seen_version) == ("Version 2", "Oakland", 2)


def test_an_agreement_is_kept_with_its_lists_and_days(shop: Shop) -> None:
    terms: dict[str, Any] = {
        "agreement_id": new_id(),
        "mso_id": shop.mso,
        "legal_entity_id": shop.ny,
        "starts_on": date(2026, 1, 1),
        "ends_on": None,
    }
    first = AgreementRecorded(**terms, location_ids=[], services=[], signed_on=None)
    then = AgreementRecorded(
        **terms, location_ids=[shop.far, shop.site], services=["hr", "a 'quoted' one"], signed_on=date(2026, 2, 1)
    )
    with shop.transaction() as session:
        hear(session, shop, first, 1)
        hear(session, shop, then, 2)
        known = session.get_one(KnownAgreement, terms["agreement_id"])
        assert (known.location_ids, known.services) == (then.location_ids, then.services)
        assert (known.signed_on, known.starts_on, known.ends_on) == (then.signed_on, then.starts_on, None)
