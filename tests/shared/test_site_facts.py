"""The only metrics with a site label: counted where events are sequenced, once each."""

from types import SimpleNamespace
from uuid import UUID

from prometheus_client import REGISTRY

from shared.contracts.billing import PaymentReceived
from shared.contracts.procurement import VendorRecorded
from shared.db import Database
from shared.ids import new_id
from shared.outbox import Origin, emit
from shared.relay import Sequencer
from shared.site_facts import SiteFacts
from shared.tenancy import Scope


def pay(database: Database, organization: UUID, site: UUID) -> None:
    with database.transaction(Scope.whole(organization)) as session:
        session.info["origin"] = Origin("billing", "test")
        about = SimpleNamespace(id=new_id(), organization_id=organization, location_id=site)
        emit(
            session,
            PaymentReceived(
                payment_id=about.id,
                legal_entity_id=new_id(),
                location_id=site,
                received_on="2026-11-22",  # type: ignore[arg-type]
                amount="10.00",  # type: ignore[arg-type]
                method="card",
            ),
            about,
        )


def test_each_sites_payments_are_counted_and_nothing_else_carries_a_site(database: Database) -> None:
    organization, busy, quiet = new_id(), new_id(), new_id()
    for site in (busy, busy, quiet, busy):
        pay(database, organization, site)
    with database.transaction(Scope.whole(organization)) as session:
        session.info["origin"] = Origin("procurement", "test")
        vendor = SimpleNamespace(id=new_id(), organization_id=organization, location_id=busy)
        emit(session, VendorRecorded(vendor_id=vendor.id, code="V", name="V", status="active"), vendor)
    sequencer = Sequencer(database)
    while sequencer.step(2):
        pass
    facts = SiteFacts()
    try:
        facts.refresh(database)
        found = {
            (sample.name, sample.labels["site"]): sample.value
            for family in facts.collect()
            for sample in family.samples
        }
    finally:
        REGISTRY.unregister(facts)
    assert found == {
        ("partywall_site_payments_total", str(busy)): 3,
        ("partywall_site_payments_total", str(quiet)): 1,
    }
