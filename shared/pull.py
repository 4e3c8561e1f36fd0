"""Pulling one publisher's feed into the inbox; the only place where the feed cursor moves."""

import threading

from sqlalchemy import select

from shared.consume import ignored
from shared.db import Database
from shared.delivery import Delivery
from shared.feed_client import FeedClient
from shared.fence import apply
from shared.inbox import FeedCursor, Subscriber

PAGE = 200
GATHER = 20  # milliseconds: nobody waits for an effect of who only keeps every event


class PublisherWentBack(Exception):
    """The publisher's log ends before what was already applied from it: it lost events, and a person must look."""


class Puller:
    """Pulls `publisher` for `subscriber`. `cursor` and `head` say how far it is and how far it could be;
    `hash` is what the publisher's chain ends in at `head`."""

    def __init__(self, database: Database, subscriber: Subscriber, publisher: str, client: FeedClient) -> None:
        self.publisher = publisher
        self.cursor = self.head = 0
        self.hash = ""
        self._database, self._subscriber, self._client = database, subscriber, client
        # Each event that nobody here wants would cost a request and a transaction.
        self._without = ignored(subscriber, publisher)
        self._lock = threading.Lock()
        self._known = self._closed = False
        # What killed the process before stands in the first page after the cursor: that page goes one by one.
        self._doubtful = True

    @property
    def lag(self) -> int:
        """Events between the publisher's head and the cursor."""
        return max(0, self.head - self.cursor)

    def pull(self, wait: int = 0) -> bool:
        """Apply the next page, waiting up to `wait` seconds for one; returns whether there is more at once.

        Raises FeedUnavailable, PublisherWentBack, or what the database raises.
        """
        with self._lock:
            after = self._load()
        gather = GATHER if self._subscriber.catch_all else 0
        page = self._client.pull(self.publisher, after, limit=PAGE, wait=wait, without=self._without, gather=gather)
        with self._lock:
            if self._closed:
                return False
            if self.cursor != after:
                return True  # the bus consumer pulled meanwhile
            self.head, self.hash = page.head, page.hash
            if page.head < after:
                raise PublisherWentBack(f"{self.publisher} is at {page.head}, applied is {after}")
            if page.upto == after:
                return False
            deliveries = [Delivery.read(self.publisher, bytes(b), doubtful=self._doubtful) for b in page.events]
            apply(self._database, self._subscriber, deliveries, pulled=(self.publisher, page.upto))
            self.cursor, self._doubtful = page.upto, False
            return page.upto < page.head

    def close(self) -> None:
        """Wait for the page that is being applied; nothing is applied after it."""
        with self._lock:
            self._closed = True

    def catch_up(self) -> None:
        """Apply everything up to the publisher's present head."""
        while self.pull():
            pass

    def _load(self) -> int:
        if self._known:
            return self.cursor
        key = (self._subscriber.consumer, self.publisher)
        with self._database.platform_transaction() as session:
            statement = select(FeedCursor.sequence).where(FeedCursor.consumer == key[0], FeedCursor.publisher == key[1])
            self.cursor = session.scalar(statement) or 0
        self._known = True
        return self.cursor
