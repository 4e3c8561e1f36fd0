"""Once a day each service walks its own event log and tells Prometheus whether it is what was written."""

from collections.abc import Iterator
from functools import partial

from prometheus_client import Gauge

from shared import logging
from shared.chain import Verdict, Walk
from shared.chores import Chore, Step
from shared.clock import now
from shared.db import Database

SOUND = Gauge("partywall_event_log_sound", "1 where the event log is what was written, else 0", ["service"])
VERIFIED = Gauge("partywall_event_log_verified_timestamp_seconds", "When that was last looked at", ["service"])
CHECKED = Gauge("partywall_event_log_checked_events", "How many events were sound then, from the first on", ["service"])
log = logging.get(__name__)


def steps(service: str, database: Database) -> Iterator[Step]:
    """A step for each page, so that a long log does not look like a worker that hangs."""
    walk = Walk(database)
    while walk.verdict is None:
        before = walk.checked
        yield walk.advance
        if walk.verdict is None and walk.checked == before:
            return  # the step failed: the chore begins again later
    tell(service, walk.verdict)


def tell(service: str, verdict: Verdict) -> None:
    """Bring the gauges up to date."""
    SOUND.labels(service).set(verdict.broken_at is None)
    CHECKED.labels(service).set(verdict.checked)
    VERIFIED.labels(service).set(now().timestamp())
    if verdict.broken_at is not None:
        log.error("the event log is not what was written", sequence=verdict.broken_at, reason=verdict.why)


def chore(service: str) -> Chore:
    """The daily walk of `service`, at an hour when all US sites are closed."""
    return Chore("event log", partial(steps, service), hour=9)
