"""How many facts of the main kinds each site has told: the only metrics with a site label, served by the workers.

The sequencer counts as it moves events, so a scrape reads one small table. A site label on request metrics would
multiply with routes and workers; here it is bounded by sites x the few kinds below.
"""

from uuid import UUID

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.db import Base, Database, LocationOwned

KINDS = {
    "procurement.order.placed": "orders",
    "procurement.receipt.posted": "receipts",
    "procurement.vendor_bill.approved": "vendor_bills",
    "hr.shift.published": "shifts",
    "billing.invoice.issued": "invoices",
    "billing.payment.received": "payments",
    "billing.fee_statement.approved": "fee_statements",
}


class SiteFact(LocationOwned, Base):
    """The count of one kind of fact at one site. Facts of an entity without a site count under the nil id."""

    __tablename__ = "site_fact"
    __platform__ = True

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    told: Mapped[int] = mapped_column(BigInteger)


_COUNT = text(
    """insert into site_fact (organization_id, location_id, type, told)
    select organization_id, coalesce(location_id, '00000000-0000-0000-0000-000000000000'), type, count(*)
    from event_log where sequence between :first and :last and type = any(:kinds)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (organization_id, location_id, type) do update set told = site_fact.told + excluded.told"""
)


def count(session: Session, first: int, last: int) -> None:
    """Count the events from `first` to `last` sequence, both included, in the sequencer's transaction."""
    session.execute(_COUNT, {"first": first, "last": last, "kinds": list(KINDS)})


class SiteFacts(Collector):
    """The table as Prometheus counters, one for each kind, labelled by site."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, int]] = []
        REGISTRY.register(self)

    def refresh(self, database: Database) -> None:
        """Read the table again; runs before each scrape."""
        with database.platform_transaction() as session:
            rows = session.execute(text("select type, location_id, told from site_fact order by 1, 2")).all()
        self._rows = [(row.type, str(row.location_id), row.told) for row in rows]

    def collect(self) -> list[CounterMetricFamily]:
        """What prometheus_client asks for."""
        families = {
            kind: CounterMetricFamily(f"partywall_site_{noun}", f"Facts {kind}, by site", labels=["site"])
            for kind, noun in KINDS.items()
        }
        for kind, site, told in self._rows:
            if kind in families:
                families[kind].add_metric([site], told)
        return [family for family in families.values() if family.samples]
