"""Which handler hears which event: the audit store hears all of them. What it does once a day, and tells of sites."""

from services.gateway import sites
from services.gateway.audit import proof
from services.gateway.audit.handlers import record
from shared.contracts import billing, gateway, hr, procurement
from shared.inbox import Subscriber

PUBLISHERS = tuple(module.__name__.rsplit(".", 1)[1] for module in (gateway, procurement, hr, billing))

SUBSCRIBER = Subscriber(consumer="gateway", handlers={}, publishers=PUBLISHERS, catch_all=record)
CHORES = (proof.CHORE,)
REFRESH = (sites.Sites,)
