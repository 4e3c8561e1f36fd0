"""The worker process of a service: relay, consumers, retries, chores, a small HTTP server for health and metrics."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from shared import event_metrics as metrics
from shared import logging
from shared.anchors import anchor
from shared.bus import BROKER_ERRORS, NotConfirmed, Publisher, Topology, publish_next
from shared.bus_consumer import BusConsumer
from shared.chores import Chore, Daily
from shared.clock import now
from shared.db import Database, wait_until_answers
from shared.feed import HEARS
from shared.feed_client import FeedClient, FeedUnavailable
from shared.fence import retry_due
from shared.inbox import OPEN, Parked, ParkedStatus, Subscriber
from shared.keys import Keyring
from shared.loop import Loop
from shared.ops import serve_ops
from shared.outbox import CHANNEL, LOG_CHANNEL
from shared.pull import PublisherWentBack, Puller
from shared.reconciliation import forget
from shared.relay import BATCH, LostLead, Pace, Sequencer, backlog
from shared.settings import Settings
from shared.wakeup import Leadership, Wakeup

HEAL_SECONDS = 45.0
LONG_POLL_SECONDS = 10
RETRY_SECONDS = 1.0
STAND_BY_SECONDS = 0.5
IDLE_SECONDS = 1.0  # the bell rings before; without one, Wakeup looks more often
GRACE_SECONDS = 20.0
STUCK_SECONDS = 180.0
HOUR = 3600.0
REMEMBERED = timedelta(days=120)
FEED = "feed of "
Refresh = Callable[[Database], None]
log = logging.get(__name__)


class Worker:
    """The threads of one worker process. `start`, wait for `stop`, then `close`."""

    def __init__(
        self,
        settings: Settings,
        subscriber: Subscriber,
        refresh: Sequence[Refresh] = (),
        topology: Topology | None = None,
        chores: Sequence[Chore] = (),
    ) -> None:
        if subscriber.consumer not in HEARS:
            raise ValueError(f"shared.feed.HEARS does not say what {subscriber.consumer} may hear")
        self.settings, self.subscriber, self.stop = settings, subscriber, threading.Event()
        self.database = Database(settings.database_url, service=settings.service)
        keyring = Keyring(settings.keys_folder, settings.service)
        self._client = client = FeedClient(keyring, settings.service, settings.peers)
        heard = (CHANNEL, LOG_CHANNEL) if settings.bus_url else (CHANNEL,)  # each ring costs who hears it
        self.wakeup = Wakeup(settings.database_url, *heard, notify=settings.outbox_notify)
        self.pullers = {
            publisher: Puller(self.database, subscriber, publisher, client) for publisher in subscriber.publishers
        }
        self._refresh, self._topology = refresh, topology or Topology(settings.bus_prefix)
        self._sequencing = Leadership(settings.database_url, "sequence")
        self._publishing = Leadership(settings.database_url, "publish")
        self._sequencer: Sequencer | None = None
        self._pace = Pace()
        self._started = False
        self._hourly_at = time.monotonic() + HOUR
        self.loops = [self._loop("sequencer", self._sequence, self._sequencing.release)]
        self.loops += [self._puller(puller) for puller in self.pullers.values()]
        self.loops.append(self._loop("retries", self._retry))
        self._dailies = [Daily(chore, self.database, self.stop, settings.database_url) for chore in chores]
        self.loops += [self._daily(daily) for daily in self._dailies]
        if settings.bus_url:
            self._publisher = Publisher(settings.bus_url, settings.service, self._topology)
            self.loops.append(self._loop("publisher", self._publish, self._publishing.release))
            self.loops.append(self._bus_consumer(settings.bus_url))

    def start(self) -> None:
        for loop in self.loops:
            loop.start()
        self._started = True

    def close(self) -> bool:
        """Let every loop finish what it is doing; returns whether all did, and none had crashed."""
        self.stop.set()
        self.wakeup.close()
        for puller in self.pullers.values():
            puller.close()
        working = [loop for loop in self.loops if not loop.name.startswith(FEED)]
        deadline = time.monotonic() + GRACE_SECONDS
        for loop in working:
            loop.join(max(0.0, deadline - time.monotonic()))
        for daily in self._dailies:
            daily.release()
        self._sequencing.release()
        self._publishing.release()
        if self.settings.bus_url:
            self._publisher.close()
        self._client.close()
        self.database.close()
        # A closed puller applies nothing more: its thread may be left in the middle of a long poll.
        return not any(loop.is_alive() for loop in working) and not any(loop.crashed for loop in self.loops)

    def alive(self) -> dict[str, str]:
        """What is wrong with the process itself: a loop that died or hangs."""
        moment = time.monotonic()
        return {
            loop.name: "crashed" if loop.crashed else "stuck"
            for loop in self.loops
            if loop.crashed or moment - loop.last_beat > STUCK_SECONDS
        }

    def troubles(self) -> dict[str, str]:
        """What keeps it from working at the moment, by loop: the database, the broker, a publisher's feed."""
        if not self._started:
            return {"worker": "waits for the database"}
        return {**{loop.name: loop.trouble for loop in self.loops if loop.trouble}, **self.alive()}

    def measure(self) -> None:
        """Bring the gauges up to date."""
        service = self.settings.service
        with self.database.platform_transaction() as session:
            waits = backlog(session, bus=bool(self.settings.bus_url))
            counted = select(Parked.status, func.count()).where(Parked.status.in_(OPEN)).group_by(Parked.status)
            parked = {row[0]: row[1] for row in session.execute(counted)}
        metrics.OUTBOX_PENDING.labels(service).set(waits.unsequenced + waits.unpublished)
        metrics.OUTBOX_AGE.labels(service).set(waits.age_seconds)
        metrics.PARKED.labels(service).set(parked.get(ParkedStatus.PARKED, 0))
        metrics.DEAD.labels(service).set(parked.get(ParkedStatus.DEAD, 0))
        metrics.IS_LEADER.labels(service).set(self._sequencing.held)
        for puller in self.pullers.values():
            metrics.FEED_LAG.labels(service, puller.publisher).set(puller.lag)
        for refresh in self._refresh:
            refresh(self.database)

    def _loop(self, name: str, step: Callable[[], None], after_error: Callable[[], None] = lambda: None) -> Loop:
        survives = (*BROKER_ERRORS, NotConfirmed, FeedUnavailable, PublisherWentBack, LostLead)
        return Loop(name, step, self.stop, survives=survives, after_error=after_error)

    def _puller(self, puller: Puller) -> Loop:
        healing = bool(self.settings.bus_url)

        def pull() -> None:
            more = puller.pull(0 if healing else LONG_POLL_SECONDS)
            loop.beat()  # before the long wait: the feed answers again
            if not more and healing:
                self.stop.wait(HEAL_SECONDS)

        loop = self._loop(f"{FEED}{puller.publisher}", pull)
        return loop

    def _daily(self, daily: Daily) -> Loop:
        loop = self._loop(daily.chore.name, daily.step, daily.release)
        daily.beat = loop.beat
        return loop

    def _bus_consumer(self, url: str) -> Loop:
        consumer = BusConsumer(url, self.database, self.subscriber, self.pullers, self.stop, self._topology)
        loop = self._loop("bus", consumer.run)
        consumer.beat = loop.beat
        return loop

    def _sequence(self) -> None:
        if not self._sequencing.hold():
            self.stop.wait(STAND_BY_SECONDS)
            return
        if self._sequencer is None:
            self._sequencer = Sequencer(self.database)
        mark = self.wakeup.mark(CHANNEL)
        moved = self._sequencer.step()
        if moved:
            metrics.PUBLISHED.labels(self.settings.service).inc(moved)
            if self.settings.bus_url:
                self.wakeup.ring(LOG_CHANNEL)
            self.stop.wait(self._pace.pause(moved))
        # Whatever was committed since the look rings; to look for it at once would cost the events that were just moved
        # the processor they are now applied with.
        if not moved or (moved < BATCH and self.wakeup.listening):
            self.wakeup.wait(CHANNEL, mark, IDLE_SECONDS)

    def _publish(self) -> None:
        if not self._publishing.hold():
            self.stop.wait(STAND_BY_SECONDS)
            return
        mark = self.wakeup.mark(LOG_CHANNEL)
        sent = publish_next(self.database, self._publisher)
        if sent:
            metrics.CONFIRMED.labels(self.settings.service).inc(sent)
        else:
            self._publisher.beat()
            self.wakeup.wait(LOG_CHANNEL, mark, IDLE_SECONDS)

    def _retry(self) -> None:
        retry_due(self.database, self.subscriber)
        if time.monotonic() > self._hourly_at:
            forget(self.database, self.subscriber, now() - REMEMBERED)
            heads = {name: (puller.head, puller.hash) for name, puller in self.pullers.items()}
            anchor(self.database, self.settings.service, heads)
            self._hourly_at = time.monotonic() + HOUR
        self.stop.wait(RETRY_SECONDS)


def run(
    settings: Settings,
    subscriber: Subscriber,
    refresh: Sequence[Refresh] = (),
    topology: Topology | None = None,
    chores: Sequence[Chore] = (),
) -> int:
    """Work until SIGTERM or SIGINT; returns the exit code: 1 when a thread died or would not finish.

    `refresh` are functions that bring business gauges up to date when the metrics are scraped; `chores` are done once a
    day by one of the service's workers.
    """
    worker = Worker(settings, subscriber, refresh, topology, chores)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    with serving(worker):
        wait_until_answers(worker.database, 60)
        worker.start()
        worker.stop.wait()
        finished = worker.close()
    return 0 if finished else 1


@contextmanager
def serving(worker: Worker) -> Iterator[Any]:
    """The worker's /livez, /readyz and /metrics on its operations port; yields the server."""
    settings = worker.settings
    server = serve_ops(settings.host, settings.ops_port, worker.alive, worker.troubles, worker.measure)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
