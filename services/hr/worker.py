"""Which events hr listens to (the directory's, and the rules that travel with them), and what it does once a day."""

from services.hr import daily
from shared.directory import HANDLERS
from shared.inbox import Subscriber

SUBSCRIBER = Subscriber(consumer="hr", publishers=("gateway",), handlers=HANDLERS)
CHORES = (daily.CHORE,)
