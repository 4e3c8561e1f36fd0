"""Which handler hears which event."""

from services.billing.payables.handlers import HANDLERS as PAYABLES
from shared import directory
from shared.inbox import Subscriber

SUBSCRIBER = Subscriber(
    consumer="billing",
    publishers=("gateway", "procurement"),
    handlers={**directory.HANDLERS, **PAYABLES},
)
