"""The fence around poison: what makes a batch fail, or may have killed a process, is applied one by one.

Each try is committed to the journal before it is made. After three the event is parked, with later events of its
aggregate behind it, and is tried again by itself after 10 s, 1 min, 10 min, 1 h and 6 h; then it is dead and waits for
a person.
"""

import time
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from shared import logging
from shared.clock import now
from shared.consume import apply_together, claim, forget_tries, handle, park, turn, wants
from shared.db import Database, as_platform, lock
from shared.delivery import Delivery, UnknownEvent, Unreadable, reason, unreachable
from shared.inbox import ATTEMPTS, BACK_OFF, OPEN, Attempt, InboxEntry, Parked, ParkedStatus, Subscriber

_PAUSES = (0.05, 0.2)
log = logging.get(__name__)


def apply(
    database: Database,
    subscriber: Subscriber,
    deliveries: Iterable[Delivery],
    *,
    pulled: tuple[str, int] | None = None,
) -> int:
    """Apply `deliveries` in their order, each once; returns how many were new.

    `pulled` = (publisher, sequence) moves the feed cursor in the same transaction. Raises DBAPIError when the database
    cannot be reached: nothing is lost then, and the caller comes again.
    """
    wanted = [delivery for delivery in deliveries if wants(subscriber, delivery)]
    if not any(delivery.doubtful or delivery.envelope is None for delivery in wanted):
        try:
            return apply_together(database, subscriber, wanted, pulled)
        except Exception as error:
            if unreachable(error) or not wanted:
                raise
            log.warning("batch failed", consumer=subscriber.consumer, count=len(wanted), exc_info=error)
    applied = sum(_apply_alone(database, subscriber, delivery) for delivery in wanted)
    if pulled:
        apply_together(database, subscriber, [], pulled)
    return applied


def _apply_alone(database: Database, subscriber: Subscriber, delivery: Delivery) -> int:
    """Try up to three times, then park; returns 1 when it was new."""
    while True:
        attempt = _journal(database, subscriber, delivery)
        if attempt == 0:
            return 0
        try:
            if attempt > ATTEMPTS:
                raise RuntimeError("its process died at every try")
            return apply_together(database, subscriber, [delivery], None, tried=True)
        except Exception as error:
            if unreachable(error):
                raise
            if attempt < ATTEMPTS and not isinstance(error, UnknownEvent | Unreadable):
                time.sleep(_PAUSES[attempt - 1])
                continue
            return _put_away(database, subscriber, delivery, error)


def _journal(database: Database, subscriber: Subscriber, delivery: Delivery) -> int:
    """The number of the try that is about to be made; 0 when this event was done before."""
    key = {"consumer": subscriber.consumer, "event_id": delivery.event_id}
    with database.platform_transaction() as session:
        # It must outlive this process, not the server: no need to wait for the disk.
        session.execute(text("set local synchronous_commit = off"))
        if session.get(InboxEntry, tuple(key.values())) is not None:
            return 0
        fresh = insert(Attempt).values(**key, count=1, tried_at=now())
        statement = fresh.on_conflict_do_update(
            index_elements=list(key), set_={"count": Attempt.count + 1, "tried_at": fresh.excluded.tried_at}
        )
        return session.execute(statement.returning(Attempt.count)).scalar_one()


def _put_away(database: Database, subscriber: Subscriber, delivery: Delivery, error: Exception) -> int:
    with database.platform_transaction(turn(subscriber)) as session:
        fresh, _ = claim(session, subscriber, [delivery])
        for new in fresh:
            park(session, subscriber, new, reason(error), now() + BACK_OFF[0])
        forget_tries(session, subscriber, delivery)
    log.error("event parked", consumer=subscriber.consumer, event_id=str(delivery.event_id), reason=reason(error))
    return len(fresh)


def retry_due(database: Database, subscriber: Subscriber) -> int:
    """Try every parked event that is due and first of its aggregate, once each; returns how many were tried."""
    tried = 0
    while (key := _begin_retry(database, subscriber)) is not None:
        tried += 1
        try:
            with database.platform_transaction(turn(subscriber)) as session:
                parked = lock(session, Parked, key)
                if parked.status not in OPEN:
                    continue
                delivery = Delivery.read(parked.publisher, parked.envelope)
                if wants(subscriber, delivery):
                    handle(session, subscriber, [delivery])
                as_platform(session)
                lock(session, Parked, key).settle(now())
        except Exception as error:
            if unreachable(error):
                raise
            _note_failure(database, key, reason(error))
    return tried


_earlier = aliased(Parked)
_first = ~(
    select(_earlier.id)
    .where(_earlier.consumer == Parked.consumer, _earlier.aggregate == Parked.aggregate, _earlier.status.in_(OPEN))
    .where(_earlier.sequence < Parked.sequence)
    .exists()
)
# Put together once: every worker asks it each second.
_DUE = (
    select(Parked)
    .where(Parked.consumer == bindparam("consumer"), Parked.status == ParkedStatus.PARKED, _first)
    .where(Parked.retry_at <= bindparam("moment"))
    .order_by(Parked.retry_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def _begin_retry(database: Database, subscriber: Subscriber) -> UUID | None:
    """Count the try before it is made, so that an event that kills its process waits longer each time."""
    with database.platform_transaction() as session:
        parked = session.scalar(_DUE, {"consumer": subscriber.consumer, "moment": now()})
        if parked is None:
            return None
        parked.begin_try(now())
        return parked.id


def _note_failure(database: Database, key: UUID, why: str) -> None:
    with database.platform_transaction() as session:
        parked = lock(session, Parked, key)
        parked.reason = why
        if parked.status == ParkedStatus.DEAD:
            log.error("event dead", consumer=parked.consumer, event_id=str(parked.event_id), reason=why)
