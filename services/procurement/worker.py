"""Which events procurement listens to: the directory's."""

from shared.directory import HANDLERS
from shared.inbox import Subscriber

SUBSCRIBER = Subscriber(consumer="procurement", publishers=("gateway",), handlers=HANDLERS)
