"""Two relays and two consumers: workers beside the platform's own, while the leader's lock is cut off again and again.

An event has one place in the chain, and the audit store, which hears everything, has it once.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg

from deploy.demo.client import Answer
from shared import chain
from shared.bus import BROKER_ERRORS, Topology, connect
from shared.settings import SERVICES
from tests.proof.races.buying import AT
from tests.proof.races.crowd import Call, at_once, post
from tests.proof.races.ground import Ground
from tests.proof.races.race import Round, race, require

_CUT = """select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'partywall-direct'
    and pid in (select pid from pg_locks where locktype = 'advisory' and granted)"""


def broker_url() -> str:
    """The broker that RABBITMQ_URL names, or the usual one of this machine."""
    return os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


def broker_answers() -> bool:
    """Whether there is a broker. Raises one of BROKER_ERRORS where REQUIRE_RABBITMQ says that there must be one."""
    try:
        connect(broker_url(), "races").release()
    except BROKER_ERRORS:
        if os.environ.get("REQUIRE_RABBITMQ"):
            raise
        return False
    return True


def cut_leaders(ground: Ground, service: str) -> None:
    """Close the connections that hold the leaders' locks: they learn it a moment later than the others."""
    with psycopg.connect(ground.platform.database_url(service), autocommit=True) as connection:
        connection.execute(_CUT)


def _needs(ground: Ground) -> list[Call]:
    body = {"lines": [{**ground.items["paper"], "quantity": "1"}], "submit": True}
    path = f"{ground.stage.site(AT, 'procurement')}/requisitions"
    return [post(ground.person("dana.reyes"), path, body) for _ in range(6)]


def _told_under_attack(ground: Ground) -> Round:
    """Six requisitions while the leaders of procurement (it tells) and the gateway (it hears) are cut off."""
    first, *others = _needs(ground)

    def cut() -> Answer:
        cut_leaders(ground, "procurement")
        return first()

    answers = at_once([cut, *others])
    cut_leaders(ground, "gateway")
    ids = [answer.body["id"] for answer in answers if answer.ok]
    ground.eventually(lambda: _heard(ground, ids) >= len(ids), "the audit store hears of the requisitions")
    require(_logged(ground, ids) == len(ids), "each stands in the log once")
    ground.check_workers()
    return Round(answers, _heard(ground, ids), expected=6)


def _logged(ground: Ground, ids: list[str]) -> int:
    query = "select 1 from event_log where type = 'procurement.requisition.submitted' and aggregate_id = any(:ids)"
    return len(ground.rows("procurement", query, ids=ids))


def _heard(ground: Ground, ids: list[str]) -> int:
    query = (
        "select 1 from audit_entry where type = 'procurement.requisition.submitted'"
        " and convert_from(envelope, 'UTF8')::jsonb ->> 'partitionkey' = any(:ids)"
    )
    return len(ground.rows("gateway", query, ids=ids))


@race("two relays and two consumers of one feed, the leaders cut off")
def by_feed(ground: Ground) -> Round:
    ground.more_workers("feed", ("procurement", "gateway"))
    return _told_under_attack(ground)


@race("two relays and two consumers of one queue, the leaders cut off")
def by_queue(ground: Ground) -> Round:
    if ground.first("broker"):
        prefix = f"races.{uuid4().hex[:8]}."
        ground.later(lambda: forget_queues(prefix))
        bus = {"BUS_URL": broker_url(), "BUS_PREFIX": prefix}
        ground.more_workers("queue", ("procurement", "gateway") * 2, **bus)
        ground.eventually(lambda: _consumers(prefix), "somebody consumes the queue")
    played = _told_under_attack(ground)
    ground.eventually(lambda: _published(ground), "the broker has confirmed everything")
    return played


def _published(ground: Ground) -> bool:
    ((done,),) = ground.machinery("procurement", "select published >= sequenced from relay_cursor")
    return bool(done)


def _consumers(prefix: str) -> int:
    """How many the gateway's queue is active for: one of them, the others wait for its end."""
    with _channel() as channel:
        return int(channel.queue_declare(Topology(prefix).queue("gateway"), passive=True).consumer_count)


def forget_queues(prefix: str) -> None:
    """Remove what these workers declared at the broker."""
    topology = Topology(prefix)
    with _channel() as channel:
        for service in SERVICES:
            channel.queue_delete(topology.queue(service))
            channel.queue_delete(f"{prefix}dead.{service}")
        for plane in ("business", "clinical"):
            channel.exchange_delete(topology.exchange(plane))


@contextmanager
def _channel() -> Iterator[Any]:
    connection = connect(broker_url(), "races")
    try:
        yield connection.channel()
    finally:
        connection.release()


def check(ground: Ground) -> int:
    """Every service's chain is whole, nothing is parked, and the audit store has each event once; how many there are.
    Raises Broken."""
    told: set[str] = set()
    for service in SERVICES:
        ground.eventually(partial(_all_sequenced, ground, service), f"{service} sequences everything")
        verdict = chain.verify(ground.database(service))
        require(verdict.broken_at is None, f"{service}: event {verdict.broken_at}: {verdict.why}")
        told |= {str(row.event_id) for row in ground.rows(service, "select event_id from event_log")}
    ground.eventually(lambda: told <= _audited(ground), "the audit store has every event")
    for service in SERVICES:
        require(not ground.machinery(service, "select 1 from parked"), f"{service} has put events away")
    return len(told)


def _all_sequenced(ground: Ground, service: str) -> bool:
    return not ground.machinery(service, "select 1 from pending limit 1")


def _audited(ground: Ground) -> set[str]:
    return {str(row.event_id) for row in ground.rows("gateway", "select event_id from audit_entry")}
