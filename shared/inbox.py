"""The inbox: what a service subscribes to, and the tables that make each event count exactly once.

A handler runs in one transaction with the inbox row, its effects and the events it emits itself, in the scope of the
event's whole organization (rules belong to the PLATFORM organization). It never commits, and it must not talk to
anything but the database. Events of one aggregate arrive in order; after a loss that was healed from the feed an older
one may follow a newer, so who keeps a copy of somebody else's row keeps its version too (shared/directory.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.contracts.base import Envelope, Event
from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict

Handler = Callable[[Session, Envelope, Any], None]
CatchAll = Callable[[Session, Sequence[tuple[Envelope, bytes]]], None]

ATTEMPTS = 3
BACK_OFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)


@dataclass(frozen=True)
class Subscriber:
    """Who listens to whom: `handlers` by event class; `catch_all` gets every event of `publishers`, known or
    not, several of one organization at a time.

    `consumer` is the service's name; queues, cursors and inbox rows carry it.
    """

    consumer: str
    handlers: Mapping[type[Event], Handler]
    publishers: tuple[str, ...]
    catch_all: CatchAll | None = None

    def __post_init__(self) -> None:
        for kind in self.handlers:
            if kind.type.split(".", 1)[0] not in self.publishers:
                raise ValueError(f"{self.consumer} handles {kind.type} but does not listen to its publisher")

    @cached_property
    def by_type(self) -> dict[str, tuple[type[Event], Handler]]:
        """Event type name -> (class, handler)."""
        return {kind.type: (kind, handler) for kind, handler in self.handlers.items()}


class InboxEntry(Base):
    """An event this consumer is done with: applied, or put away as parked."""

    __tablename__ = "inbox"
    __platform__ = True

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    publisher: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    applied_at: Mapped[datetime] = mapped_column(index=True)


class FeedCursor(Base):
    """Up to which sequence of a publisher everything was pulled from its feed; it moves only in the pull path."""

    __tablename__ = "feed_cursor"
    __platform__ = True
    __table_args__ = (CheckConstraint("sequence >= floor", name="not_below_floor"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    publisher: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    # Inbox rows up to here are forgotten, so the cursor may never be set back below it.
    floor: Mapped[int] = mapped_column(BigInteger, default=0)
    moved_at: Mapped[datetime]


class Attempt(Base):
    """How often a doubtful event was tried; committed before each try, so that a try that kills us counts too."""

    __tablename__ = "attempt"
    __platform__ = True

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    count: Mapped[int]
    tried_at: Mapped[datetime]


class AlreadySettled(Conflict):
    """This dead letter was applied or discarded before."""


class ParkedStatus(StrEnum):
    """`parked` is retried by itself, `dead` waits for a person; both hold later events of their aggregate back."""

    PARKED = "parked"
    DEAD = "dead"
    APPLIED = "applied"
    DISCARDED = "discarded"


OPEN = (ParkedStatus.PARKED, ParkedStatus.DEAD)


class Parked(HasId, OrganizationOwned, Versioned, Base):
    """An event that could not be applied, or that waits behind an earlier one of its aggregate."""

    __tablename__ = "parked"
    __platform__ = True
    __table_args__ = (
        UniqueConstraint("consumer", "event_id"),
        Index("ix_parked_open", "consumer", "aggregate", postgresql_where=text("status in ('parked', 'dead')")),
        Index("ix_parked_due", "consumer", "retry_at", postgresql_where=text("status = 'parked'")),
    )

    consumer: Mapped[str]
    event_id: Mapped[UUID]
    publisher: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    plane: Mapped[str]
    aggregate: Mapped[str]
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(default=ParkedStatus.PARKED)
    reason: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    parked_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    def begin_try(self, at: datetime) -> None:
        """Count a try before it is made, and say when the next one is due; after the last one it is dead."""
        self._still_open()
        self.tries += 1
        if self.tries >= len(BACK_OFF):
            self.status, self.retry_at = ParkedStatus.DEAD, None
        else:
            self.retry_at = at + BACK_OFF[self.tries]

    def settle(self, at: datetime) -> None:
        """Its effects are in the same transaction."""
        self.status, self.settled_at, self.retry_at = ParkedStatus.APPLIED, at, None

    def replay(self, at: datetime) -> None:
        """Try it again at once, with a fresh back-off."""
        self._still_open()
        self.status, self.tries, self.retry_at = ParkedStatus.PARKED, 0, at

    def discard(self, at: datetime) -> None:
        """Give it up; what waits behind it goes on."""
        self._still_open()
        self.status, self.settled_at, self.retry_at = ParkedStatus.DISCARDED, at, None

    def _still_open(self) -> None:
        if self.status not in OPEN:
            raise AlreadySettled(f"It is {self.status}.")
