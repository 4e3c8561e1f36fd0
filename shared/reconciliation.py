"""Reconciliation: compares what a publisher logged with what a consumer is done with, event by event, and heals.

The feed cursor says that everything before it was pulled. This does not believe it: it asks the feed from the start
(or from `after`) and the inbox for each id, so it also finds what a restored backup of the consumer lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select, text

from shared.consume import wants
from shared.db import Database
from shared.delivery import Delivery
from shared.feed_client import Page
from shared.fence import apply
from shared.inbox import FeedCursor, InboxEntry, Subscriber

_PAGE = 500


class Feed(Protocol):
    """Where pages come from (shared.feed.FeedClient)."""

    def pull(self, publisher: str, after: int, *, limit: int = ..., wait: int = ...) -> Page: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Of `checked` events of a publisher up to `head`, those in `missing` were neither applied nor parked."""

    publisher: str
    head: int
    checked: int
    missing: list[Delivery]


def check(database: Database, subscriber: Subscriber, publisher: str, feed: Feed, after: int | None = None) -> Finding:
    """Compare one publisher's feed with the inbox; starts at the inbox's floor when `after` is None.

    Below the floor inbox rows are forgotten, so nothing can be said there. Raises FeedUnavailable.
    """
    floor = _floor(database, subscriber, publisher)
    start = floor if after is None else max(after, floor)
    checked, missing, head = 0, list[Delivery](), start
    for page in _pages(feed, publisher, start):
        deliveries = [Delivery.read(publisher, bytes(body)) for body in page.events]
        wanted = [delivery for delivery in deliveries if wants(subscriber, delivery)]
        missing += _missing(database, subscriber, wanted)
        checked, head = checked + len(deliveries), page.head
    return Finding(publisher, head, checked, missing)


def heal(database: Database, subscriber: Subscriber, finding: Finding) -> int:
    """Apply what is missing, in order; returns how many. Safe to repeat and while the worker runs."""
    return apply(database, subscriber, finding.missing)


def _pages(feed: Feed, publisher: str, after: int) -> Iterator[Page]:
    while True:
        page = feed.pull(publisher, after, limit=_PAGE)
        yield page
        if page.upto <= after or page.upto >= page.head:
            return
        after = page.upto


def _missing(database: Database, subscriber: Subscriber, deliveries: list[Delivery]) -> list[Delivery]:
    ids = [delivery.event_id for delivery in deliveries]
    with database.platform_transaction() as session:
        statement = select(InboxEntry.event_id).where(
            InboxEntry.consumer == subscriber.consumer, InboxEntry.event_id.in_(ids)
        )
        done = set(session.scalars(statement))
    return [delivery for delivery in deliveries if delivery.event_id not in done]


def _floor(database: Database, subscriber: Subscriber, publisher: str) -> int:
    with database.platform_transaction() as session:
        statement = select(FeedCursor.floor).where(
            FeedCursor.consumer == subscriber.consumer, FeedCursor.publisher == publisher
        )
        return session.scalar(statement) or 0


def forget(database: Database, subscriber: Subscriber, before: datetime) -> int:
    """Forget inbox rows applied before `before` that the cursors have passed, and raise the floors to them.

    Nothing may be able to redeliver an event that old: keep at least 90 days. Returns how many rows went.
    """
    statement = text(
        "with gone as (delete from inbox i using feed_cursor c where i.consumer = :consumer and i.applied_at < :before"
        " and c.consumer = i.consumer and c.publisher = i.publisher and i.sequence <= c.sequence"
        " returning i.publisher, i.sequence),"
        " raised as (update feed_cursor c set floor = g.top from (select publisher, max(sequence) as top from gone"
        " group by publisher) g where c.consumer = :consumer and c.publisher = g.publisher and c.floor < g.top)"
        " select count(*) from gone"
    )
    with database.platform_transaction() as session:
        return session.scalar(statement, {"consumer": subscriber.consumer, "before": before}) or 0
