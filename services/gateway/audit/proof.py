"""Once a day every audit chain is walked, and Prometheus told whether it is what was written."""

from collections.abc import Iterator
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import select

from services.gateway.audit import service
from services.gateway.audit.service import End, Verification
from services.gateway.organizations.models import Organization
from shared import logging
from shared.chores import Chore, Step
from shared.clock import now
from shared.db import Database
from shared.ids import PLATFORM
from shared.tenancy import Scope

PAGE = 5000
SOUND = Gauge("partywall_audit_chain_sound", "1 where the chain is what was written, else 0", ["organization"])
VERIFIED = Gauge("partywall_audit_chain_verified_timestamp_seconds", "When that was last looked at", ["organization"])
CHECKED = Gauge(
    "partywall_audit_chain_checked_entries", "How many entries were sound then, from the first on", ["organization"]
)
log = logging.get(__name__)


def organizations(database: Database) -> list[UUID]:
    """Everybody who has a chain, the platform first."""
    with database.platform_transaction() as session:
        return [PLATFORM, *session.execute(select(Organization.id).order_by(Organization.id)).scalars()]


class Walk:
    """A walk along one organization's chain, a page and a short transaction at each `advance`."""

    def __init__(self, database: Database, organization_id: UUID) -> None:
        self._database = database
        self._end: End | None = None
        self.found = service.beginning(organization_id)
        self.ended = False

    def advance(self) -> None:
        """Check the next page."""
        organization_id = self.found.organization_id
        with self._database.transaction(Scope.whole(organization_id)) as session:
            if self._end is None:
                self._end = service.end_of(session, organization_id)
            found = service.walk(session, self.found, self._end, PAGE)
        self.ended = not found.sound or found.entries < self.found.entries + PAGE
        self.found = service.judge(found, self._end) if self.ended else found


def steps(database: Database) -> Iterator[Step]:
    """A step for each page, so that a long chain does not look like a worker that hangs."""
    for organization_id in organizations(database):
        walk = Walk(database, organization_id)
        before = -1
        # Where nothing moved the step failed: the next organization's turn; this one's comes again with the chore.
        while not walk.ended and walk.found.entries > before:
            before = walk.found.entries
            yield walk.advance
        if walk.ended:
            tell(walk.found)


def tell(found: Verification) -> None:
    """Bring the gauges up to date."""
    organization = str(found.organization_id)
    SOUND.labels(organization).set(found.sound)
    CHECKED.labels(organization).set(found.entries)
    VERIFIED.labels(organization).set(now().timestamp())
    if not found.sound:
        log.error(
            "the audit chain is not what was written",
            organization_id=organization, sequence=found.position, reason=found.fault,
        )  # fmt: skip


# When all sites in the US are closed.
CHORE = Chore("audit proof", steps, hour=9)
