"""One event as a consumer got it, and why it could not be applied."""

import hashlib
import traceback
from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec
import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.contracts.base import Envelope
from shared.errors import Problem

_decoder = msgspec.json.Decoder(Envelope)


class UnknownEvent(Exception):
    """A type or version this release does not know: kept until a release that does."""


class Unreadable(Exception):
    """The bytes are no envelope."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it came: from `publisher`, its bytes, its envelope (None when they cannot be read).

    `doubtful`: it was being handled when a process died, so it may be what killed it.
    """

    publisher: str
    body: bytes
    envelope: Envelope | None
    doubtful: bool = False

    @classmethod
    def read(cls, publisher: str, body: bytes, *, doubtful: bool = False) -> "Delivery":
        """A delivery of these bytes, readable or not."""
        try:
            return cls(publisher, body, _decoder.decode(body), doubtful)
        except msgspec.DecodeError:
            return cls(publisher, body, None, doubtful)

    @property
    def event_id(self) -> UUID:
        if self.envelope is None:
            return uuid5(NAMESPACE_OID, hashlib.sha256(self.body).hexdigest())
        return self.envelope.id

    @property
    def sequence(self) -> int:
        return self.envelope.sequence if self.envelope else 0

    @property
    def aggregate(self) -> str:
        """What keeps order: nothing waits behind an event that cannot be read."""
        return f"{self.publisher}:{self.envelope.subject if self.envelope else self.event_id}"


def reason(error: BaseException) -> str:
    """Why it failed, without values of rows: class and place, and the text only where it is our own."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    own = isinstance(error, Problem | UnknownEvent | msgspec.ValidationError)
    return f"{type(error).__name__}{place}" + (f": {error}" if own and str(error) else "")


def unreachable(error: BaseException) -> bool:
    """The database is away, which says nothing about the event. Locks, deadlocks and time-outs are not that."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    cause = error.orig
    if error.connection_invalidated or isinstance(cause, psycopg.InterfaceError):
        return True
    # 08 connection, 53 resources, 57P shutdown; without a state the server never answered.
    state = cause.sqlstate if isinstance(cause, psycopg.OperationalError) else "00000"
    return state is None or state.startswith(("08", "53", "57P"))
