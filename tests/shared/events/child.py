"""A worker process that tests kill: `python -m tests.shared.events.child SERVICE`, settings from the environment."""

import os
import signal
import sys

from sqlalchemy.orm import Session

from shared import logging
from shared.bus import Topology
from shared.contracts.base import Envelope
from shared.contracts.procurement import VendorRecorded
from shared.inbox import Subscriber
from shared.settings import load
from shared.worker import run
from tests.shared.sample import SampleBrand


def keep(session: Session, envelope: Envelope, fact: VendorRecorded) -> None:
    """Keep a brand; some vendors are poison."""
    if fact.code == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    session.add(SampleBrand(organization_id=envelope.organizationid, name=fact.code))


SUBSCRIBERS = {
    "procurement": Subscriber("procurement", {}, ()),
    "billing": Subscriber("billing", {VendorRecorded: keep}, ("procurement",)),
}

if __name__ == "__main__":
    service = sys.argv[1]
    logging.configure(service, "WARNING")
    sys.exit(run(load(service), SUBSCRIBERS[service], topology=Topology(os.environ.get("TEST_BUS_PREFIX", ""))))
