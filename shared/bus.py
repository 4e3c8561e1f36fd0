"""RabbitMQ: exchanges, queues, and publishing in confirmed batches.

The broker is a fast doorbell. Whatever it loses is found again: each message names the one published before it on its
exchange (`previous`), and a consumer that did not see that one pulls from the feed before it goes on.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import amqp
from kombu.connection import Connection
from sqlalchemy import text

from shared.db import Database
from shared.feed import HEARS
from shared.inbox import Subscriber
from shared.relay import LostLead

PUBLISH_BATCH = 500
CONFIRM_SECONDS = 15.0
IO_SECONDS = 10
QUEUE_LENGTH = 1_000_000
HEARTBEAT = 15
CONTENT_TYPE = "application/cloudevents+json"
BROKER_ERRORS: tuple[type[Exception], ...] = (amqp.exceptions.AMQPError, OSError)


class NotConfirmed(Exception):
    """The broker did not take every message of a batch: refused, returned as nobody's, or silent for too long."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Names of exchanges and queues; `prefix` keeps installations (and tests) on one broker apart."""

    prefix: str = ""

    def exchange(self, plane: str) -> str:
        return f"{self.prefix}events.{plane}"

    def queue(self, consumer: str) -> str:
        return f"{self.prefix}{consumer}"

    def declare_exchanges(self, channel: Any) -> None:
        for plane in ("business", "clinical"):
            channel.exchange_declare(self.exchange(plane), "topic", durable=True, auto_delete=False)

    def declare_queue(self, channel: Any, subscriber: Subscriber) -> str:
        """The consumer's queue, bound to everything of its publishers that it may hear. Safe to repeat."""
        self.declare_exchanges(channel)
        queue, dead = self.queue(subscriber.consumer), f"{self.prefix}dead.{subscriber.consumer}"
        channel.queue_declare(dead, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        arguments = {
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-max-length": QUEUE_LENGTH,
            "x-overflow": "reject-publish",
            # Only a backstop: the fence parks a poison message long before.
            "x-delivery-limit": 50,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
        }
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
        for plane in HEARS[subscriber.consumer]:
            for publisher in subscriber.publishers:
                channel.queue_bind(queue, self.exchange(plane), f"{publisher}.#")
        return queue


def connect(url: str, name: str) -> Any:
    """An open kombu connection that cannot hang for ever on a frozen broker. Raises one of BROKER_ERRORS."""
    connection: Any = Connection(  # type: ignore[no-untyped-call]
        url,
        heartbeat=HEARTBEAT,
        connect_timeout=5,
        transport_options={
            "read_timeout": IO_SECONDS,
            "write_timeout": IO_SECONDS,
            "client_properties": {"connection_name": name},
        },
    )
    connection.connect()
    return connection


class Outgoing(NamedTuple):
    """One logged event on its way to the broker."""

    sequence: int
    event_id: str
    type: str
    plane: str
    body: bytes


class Publisher:
    """Publishes batches: pipelined, mandatory, one wait for all confirms. After any error the connection is thrown
    away, because later confirms on the same channel can be false."""

    def __init__(self, url: str, name: str, topology: Topology | None = None) -> None:
        self._url, self._name, self._topology = url, name, topology or Topology()
        self._connection: Any = None
        self._channel: Any = None
        self._open: set[int] = set()
        self._refused = self._returned = 0
        self._previous: dict[str, int] = {}

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when the broker has confirmed all of `messages`. Raises NotConfirmed or one of BROKER_ERRORS."""
        try:
            if self._connection is None:
                self._connect()
            previous = self._send(messages)
            self._await_confirms()
        except BaseException:
            self.close()
            raise
        self._previous = previous

    def beat(self) -> None:
        """Keep an idle connection alive. Raises one of BROKER_ERRORS when the broker is gone."""
        if self._connection is not None:
            try:
                with suppress(TimeoutError):
                    self._connection.drain_events(timeout=0.001)
                self._connection.heartbeat_check()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Drop the connection without a farewell that could block."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.collect(socket_timeout=1)

    def _connect(self) -> None:
        self._connection = connect(self._url, f"{self._name} publisher")
        self._channel = self._connection.channel()
        self._topology.declare_exchanges(self._channel)
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._confirmed)
        self._channel.events["basic_nack"].add(self._nacked)
        self._channel.events["basic_return"].add(self._came_back)
        self._tag = 0

    def _send(self, messages: Sequence[Outgoing]) -> dict[str, int]:
        self._open.clear()
        self._refused = self._returned = 0
        previous = dict(self._previous)
        for message in messages:
            # Without `previous` (our first message on the exchange) consumers look into the feed.
            headers = {"previous": previous[message.plane]} if message.plane in previous else {}
            wire = amqp.Message(
                message.body,
                content_type=CONTENT_TYPE,
                delivery_mode=2,
                message_id=message.event_id,
                type=message.type,
                application_headers=headers,
            )
            self._tag += 1
            self._open.add(self._tag)
            exchange = self._topology.exchange(message.plane)
            self._channel.basic_publish(wire, exchange, message.type, mandatory=True)
            previous[message.plane] = message.sequence
        return previous

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + CONFIRM_SECONDS
        while self._open and not self._refused:
            left = deadline - time.monotonic()
            if left <= 0 or self._connection is None:
                raise NotConfirmed(f"{len(self._open)} without an answer")
            with suppress(TimeoutError):
                self._connection.drain_events(timeout=min(left, 1.0))
        if self._refused or self._returned:
            raise NotConfirmed(f"{self._refused} refused, {self._returned} without a queue")

    def _settle(self, tag: int, multiple: bool) -> int:
        done = {t for t in self._open if t <= tag} if multiple else {tag} & self._open
        self._open -= done
        return len(done)

    def _confirmed(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _nacked(self, tag: int, multiple: bool) -> None:
        self._refused += self._settle(tag, multiple)

    def _came_back(self, *_: Any) -> None:
        self._returned += 1


_NEXT = text(
    "select sequence, event_id::text, type, plane, envelope from event_log"
    " where sequence > :after order by sequence limit :limit"
)


def publish_next(database: Database, publisher: Publisher, limit: int = PUBLISH_BATCH) -> int:
    """Publish the next batch of the log and remember that it was confirmed; returns how many.

    Raises what `Publisher.publish` raises, and LostLead when another process published meanwhile.
    """
    with database.platform_transaction() as session:
        after = session.scalar(text("select published from relay_cursor where id = 1")) or 0
        rows = session.execute(_NEXT, {"after": after, "limit": limit}).all()
    if not rows:
        return 0
    publisher.publish([Outgoing(*row) for row in rows])
    with database.platform_transaction() as session:
        statement = text("update relay_cursor set published = :upto where id = 1 and published = :after")
        moved = session.execute(statement, {"upto": rows[-1].sequence, "after": after})
        if moved.rowcount != 1:  # type: ignore[attr-defined]
            raise LostLead
    return len(rows)
