"""Applying events: what was not seen before is handled, in order, in one transaction with its inbox row."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import delete
from sqlalchemy.orm import Session

import shared.contracts.billing
import shared.contracts.gateway
import shared.contracts.hr
import shared.contracts.procurement  # noqa: F401  every known type, so that an unknown one can be told
from shared.clock import now
from shared.contracts.base import REGISTRY, Envelope
from shared.db import Database, rescope
from shared.delivery import Delivery, UnknownEvent, Unreadable
from shared.event_metrics import APPLIED
from shared.ids import PLATFORM
from shared.inbox import Attempt, Parked, Subscriber
from shared.outbox import Origin, write_pending
from shared.sql import Sql
from shared.tenancy import NETWORK, Scope


def wants(subscriber: Subscriber, delivery: Delivery) -> bool:
    """False only for a fact this release knows and this consumer has no use for."""
    envelope = delivery.envelope
    if envelope is None or subscriber.catch_all or envelope.type in subscriber.by_type:
        return True
    return envelope.type not in REGISTRY


def ignored(subscriber: Subscriber, publisher: str) -> list[str]:
    """The types of a publisher's facts that `wants` refuses, whatever they say."""
    if subscriber.catch_all:
        return []
    return sorted(name for name in REGISTRY if name.startswith(f"{publisher}.") and name not in subscriber.by_type)


def apply_together(
    database: Database,
    subscriber: Subscriber,
    deliveries: Sequence[Delivery],
    pulled: tuple[str, int] | None,
    *,
    tried: bool = False,
) -> int:
    """Apply what is new of `deliveries` in one transaction; returns how many. `tried`: forget their tries too."""
    with database.platform_transaction(turn(subscriber)) as session:
        fresh, held = claim(session, subscriber, deliveries, pulled)
        # The platform's own rows first: each change of role is a round trip.
        if tried:
            forget_tries(session, subscriber, *deliveries)
        handle(session, subscriber, _park_behind(session, subscriber, fresh, held))
    for publisher, new in Counter(delivery.publisher for delivery in fresh).items():
        APPLIED.labels(subscriber.consumer, publisher).inc(new)
    return len(fresh)


def forget_tries(session: Session, subscriber: Subscriber, *deliveries: Delivery) -> None:
    """Remove these events from the journal: they are done."""
    ids = [delivery.event_id for delivery in deliveries]
    session.execute(delete(Attempt).where(Attempt.consumer == subscriber.consumer, Attempt.event_id.in_(ids)))


def turn(subscriber: Subscriber) -> str:
    """One transaction applies for a consumer at a time: bus, feed and retries keep one order and cannot deadlock."""
    return f"apply {subscriber.consumer}"


def claim(
    session: Session, subscriber: Subscriber, deliveries: Sequence[Delivery], pulled: tuple[str, int] | None = None
) -> tuple[list[Delivery], set[str]]:
    """Write the inbox rows, and move the cursor of the feed that was `pulled`; what was there before is a duplicate and
    falls out. Returns what is new, and which aggregates have an event parked. One round trip."""
    values = {
        "consumer": subscriber.consumer,
        "at": now(),
        "ids": [delivery.event_id for delivery in deliveries],
        "publishers": [delivery.publisher for delivery in deliveries],
        "sequences": [delivery.sequence for delivery in deliveries],
        "aggregates": [delivery.aggregate for delivery in deliveries],
    }
    if pulled:
        values |= {"publisher": pulled[0], "upto": pulled[1]}
    [found] = (_CLAIM_AND_MOVE if pulled else _CLAIM).rows(session, values)
    new = set(found.new)
    fresh = {delivery.event_id: delivery for delivery in reversed(deliveries) if delivery.event_id in new}
    return list(reversed(fresh.values())), set(found.held)


_CLAIMED = """with claimed as (
        insert into inbox (consumer, event_id, publisher, sequence, applied_at)
        select :consumer, e.id, e.publisher, e.sequence, :at
        from unnest(cast(:ids as uuid[]), cast(:publishers as text[]), cast(:sequences as bigint[]))
             as e(id, publisher, sequence)
        -- Below the floor inbox rows are forgotten; whatever comes from there was done long ago.
        where not exists (select 1 from feed_cursor c where c.consumer = :consumer
                          and c.publisher = e.publisher and e.sequence between 1 and c.floor)
        on conflict do nothing returning event_id)"""
_MOVED = """, moved as (
        insert into feed_cursor (consumer, publisher, sequence, floor, moved_at)
        values (:consumer, :publisher, :upto, 0, :at)
        on conflict (consumer, publisher) do update set sequence = excluded.sequence, moved_at = excluded.moved_at
        where feed_cursor.sequence < excluded.sequence)"""
_FOUND = """
    select array(select event_id from claimed) as new,
           array(select aggregate from parked where consumer = :consumer and status in ('parked', 'dead')
                 and aggregate = any(cast(:aggregates as text[]))) as held"""
_CLAIM, _CLAIM_AND_MOVE = Sql(_CLAIMED + _FOUND), Sql(_CLAIMED + _MOVED + _FOUND)


def _park_behind(
    session: Session, subscriber: Subscriber, deliveries: Sequence[Delivery], held: set[str]
) -> list[Delivery]:
    """Park what has an earlier event of its aggregate parked; returns the rest."""
    for delivery in deliveries:
        if delivery.aggregate in held:
            park(session, subscriber, delivery, "waits behind an earlier event of its aggregate", now())
    return [delivery for delivery in deliveries if delivery.aggregate not in held]


def handle(session: Session, subscriber: Subscriber, deliveries: Sequence[Delivery]) -> None:
    """Their effects, in their order. Raises Unreadable, UnknownEvent, or what a handler raises."""
    kept = []
    for delivery in deliveries:
        if delivery.envelope is None:
            raise Unreadable
        kept.append((delivery.envelope, delivery.body))
        _handle(session, subscriber, delivery.envelope)
    if subscriber.catch_all:
        for _, run in groupby(kept, lambda one: one[0].organizationid):
            together = list(run)
            _enter(session, subscriber, together[0][0])
            subscriber.catch_all(session, together)


def _handle(session: Session, subscriber: Subscriber, envelope: Envelope) -> None:
    if envelope.type in subscriber.by_type:
        _enter(session, subscriber, envelope)
        kind, handler = subscriber.by_type[envelope.type]
        if envelope.schemaversion > kind.schema_version:
            raise UnknownEvent(f"{envelope.type} in version {envelope.schemaversion}")
        handler(session, envelope, envelope.event())
        write_pending(session)
    elif subscriber.catch_all is None and envelope.type not in REGISTRY:
        raise UnknownEvent(envelope.type)


def _enter(session: Session, subscriber: Subscriber, envelope: Envelope) -> None:
    """The scope and the origin of this event."""
    organization = str(envelope.organizationid)
    if (session.info["role"], session.info["settings"].get("app.organization")) != (NETWORK, organization):
        rescope(session, Scope.whole(envelope.organizationid))
        # What was loaded for one organization must not be found in memory by another.
        session.expunge_all()
    session.info["origin"] = Origin(
        service=subscriber.consumer,
        request_id=envelope.correlationid,
        actor_id=envelope.actor,
        actor_kind=envelope.actorkind or "system",
        operation=envelope.operation,
        decision_id=envelope.decisionid,
        causation_id=str(envelope.id),
        traceparent=envelope.traceparent,
    )


def park(session: Session, subscriber: Subscriber, delivery: Delivery, why: str, retry_at: datetime) -> None:
    envelope = delivery.envelope
    session.add(
        Parked(
            consumer=subscriber.consumer,
            event_id=delivery.event_id,
            organization_id=envelope.organizationid if envelope else PLATFORM,
            publisher=delivery.publisher,
            sequence=delivery.sequence,
            type=envelope.type if envelope else "",
            plane=envelope.plane if envelope else "clinical",
            aggregate=delivery.aggregate,
            envelope=delivery.body,
            reason=why,
            parked_at=now(),
            retry_at=retry_at,
        )
    )
    session.flush()
