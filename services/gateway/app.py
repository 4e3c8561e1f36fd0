"""The gateway: the door in front, the directory behind it in the same process."""

from flask import Flask

from services.gateway import directory
from services.gateway.apidocs import routes as apidocs
from services.gateway.audit import routes as audit
from services.gateway.catalogue import operations
from services.gateway.decisions import routes as decisions
from services.gateway.decisions.writer import Writer
from services.gateway.door import routes as door
from services.gateway.door.gate import Gate
from services.gateway.door.proxy import Peers
from services.gateway.door.rates import Rates
from services.gateway.door.refusals import Sources
from services.gateway.organizations.models import CHANNEL
from services.gateway.policies import engine
from services.gateway.principals import issuer
from services.gateway.principals.service import Directory
from services.gateway.settings import rate_limits
from shared import feed, parked
from shared.clock import today
from shared.settings import Settings
from shared.wakeup import Wakeup
from shared.web.app import create_app

# Behind the door: reached with a context token only, as every other service.
INSIDE = (*directory.INSIDE, audit.blueprint, decisions.blueprint, parked.blueprint("gateway"))
# In front of it: open to all.
OPEN = (*directory.OPEN, apidocs.blueprint)


def create_directory(settings: Settings) -> Flask:
    """The app behind the door."""
    return create_app(settings, title="Partywall gateway", blueprints=INSIDE)


def create(settings: Settings) -> Flask:
    """The app that listens: it decides every request and passes it on."""
    inner = create_directory(settings)
    process = inner.extensions["partywall"]
    sources = Sources.load(today())
    gate = Gate(
        engine.load(),
        operations.load(sources.deciders()),
        sources,
        process.keyring,
        Writer(process.database),
    )
    bell = Wakeup(settings.database_url, CHANNEL, notify=settings.outbox_notify)
    process.database.before_close(bell.close)
    way = door.Door(
        gate,
        Directory(process.database, process.keyring, issuer.configured(), bell),
        Peers(settings.peers, settings.threads),
        inner,
        Rates(rate_limits()),
    )
    blueprints = [*OPEN, feed.blueprint(), door.blueprint(way)]
    return create_app(settings, title="Partywall", blueprints=blueprints, database=process.database)
