"""Consuming from RabbitMQ: an own small loop that applies batches and looks into the feed when something is missing."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import amqp

from shared import logging
from shared.bus import Topology, connect
from shared.db import Database
from shared.delivery import Delivery
from shared.feed_client import FeedUnavailable
from shared.fence import apply
from shared.inbox import Subscriber
from shared.pull import PublisherWentBack, Puller

BATCH = 200
PREFETCH = 400
GATHER_SECONDS = 0.02
QUIET_SECONDS = 0.002
log = logging.get(__name__)


@dataclass
class BusConsumer:
    """Consumes one service's queue in batches. `pullers` are the feeds to look into when something is missing."""

    url: str
    database: Database
    subscriber: Subscriber
    pullers: Mapping[str, Puller]
    stop: Event
    topology: Topology = field(default_factory=Topology)
    beat: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Consume until `stop` or an error; then finish the batch, acknowledge it, and close."""
        self._buffer: list[Any] = []
        self._seen: dict[tuple[str, str], int] = {}
        connection = connect(self.url, f"{self.subscriber.consumer} consumer")
        try:
            channel = connection.channel()
            queue = self.topology.declare_queue(channel, self.subscriber)
            channel.basic_qos(0, PREFETCH, False)
            channel.basic_consume(queue, callback=self._buffer.append, on_cancel=self._cancelled)
            while not self.stop.is_set():
                self._gather(connection)
                if self._buffer:
                    self._work(channel)
                connection.heartbeat_check()
                self.beat()
        finally:
            with suppress(Exception):
                connection.collect(socket_timeout=1)

    def _cancelled(self, tag: str) -> None:
        raise amqp.exceptions.ConsumerCancelled(tag)

    def _gather(self, connection: Any) -> None:
        """Wait for a message, then for its neighbours: until the batch is full, 20 ms have passed, or none comes."""
        deadline = time.monotonic() + 1.0
        while len(self._buffer) < BATCH:
            left = deadline - time.monotonic()
            if left <= 0 or self.stop.is_set():
                return
            waiting = not self._buffer
            try:
                connection.drain_events(timeout=left if waiting else min(left, QUIET_SECONDS))
            except TimeoutError:
                return
            if waiting and self._buffer:
                deadline = time.monotonic() + GATHER_SECONDS

    def _work(self, channel: Any) -> None:
        messages, self._buffer[:] = self._buffer[:BATCH], self._buffer[BATCH:]
        deliveries = [_delivery(message) for message in messages]
        for message, delivery in zip(messages, deliveries, strict=True):
            self._look_for_gap(message, delivery)
        apply(self.database, self.subscriber, deliveries)
        channel.basic_ack(messages[-1].delivery_tag, multiple=True)

    def _look_for_gap(self, message: Any, delivery: Delivery) -> None:
        """Pull from the feed when the message before this one never came. Order is kept: the pull applies first."""
        puller = self.pullers.get(delivery.publisher)
        if puller is None or delivery.envelope is None:
            return
        place = (delivery.publisher, delivery.envelope.plane)
        previous = (message.headers or {}).get("previous")
        known = max(puller.cursor, self._seen.get(place, 0))
        if (previous is None or previous > known) and delivery.sequence > known:
            log.info("gap", consumer=self.subscriber.consumer, publisher=delivery.publisher, sequence=delivery.sequence)
            try:
                puller.catch_up()
            except (FeedUnavailable, PublisherWentBack) as error:
                # The message itself is good; the puller's own loop fetches the rest as soon as the feed answers.
                log.warning("gap stays", consumer=self.subscriber.consumer, reason=str(error))
        self._seen[place] = max(delivery.sequence, self._seen.get(place, 0))


def _delivery(message: Any) -> Delivery:
    body = message.body if isinstance(message.body, bytes) else message.body.encode()
    info = message.delivery_info
    return Delivery.read(info["routing_key"].split(".", 1)[0], body, doubtful=bool(info["redelivered"]))
