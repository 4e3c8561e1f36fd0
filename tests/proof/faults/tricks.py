"""What is done to the broker's messages and to the disk while everything runs."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import amqp

from shared.bus import CONTENT_TYPE, Topology, connect
from shared.settings import SERVICES
from tests.proof.faults.world import World

_FULL = """create or replace function faults_disk_full() returns trigger language plpgsql as
$$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$"""
_GATHER_SECONDS = 3.0


@contextmanager
def _channel(world: World) -> Iterator[tuple[Any, Any]]:
    assert world.broker is not None
    connection = connect(world.broker.url, "faults")
    try:
        channel = connection.channel()
        channel.confirm_select()
        yield connection, channel
    finally:
        with suppress(Exception):
            connection.collect(socket_timeout=1)


def purge(world: World) -> int:
    """Throw away what waits in every queue; returns how many messages."""
    with _channel(world) as (_, channel):
        return sum(channel.queue_purge(Topology().queue(service)) or 0 for service in SERVICES)


def duplicate(world: World, most: int = 60) -> int:
    """Publish the newest events of every log a second time, in any order; returns how many."""
    newest = f"select event_id::text as id, type, plane, envelope from event_log order by sequence desc limit {most}"
    rows = [row for found in world.ask_all(newest).values() for row in found]
    world.chance.shuffle(rows)
    with _channel(world) as (_, channel):
        for row in rows:
            channel.basic_publish(_again(row), Topology().exchange(row["plane"]), row["type"])
    return len(rows)


def _again(row: dict[str, Any]) -> amqp.Message:
    return amqp.Message(
        bytes(row["envelope"]), content_type=CONTENT_TYPE, delivery_mode=2, message_id=row["id"], type=row["type"],
        application_headers={},
    )  # fmt: skip


def reorder(world: World, consumer: str) -> int:
    """Stand by at a consumer's queue, kill its worker, take over, and send back what came, in any order."""
    with _channel(world) as (connection, channel):
        got: list[Any] = []
        tag = channel.basic_consume(Topology().queue(consumer), callback=got.append)
        world.victims.kill(f"{consumer}-worker")
        deadline = time.monotonic() + _GATHER_SECONDS
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.2)
        channel.basic_cancel(tag)
        _shuffled_back(channel, got, world.chance)
        return len(got)


def _shuffled_back(channel: Any, got: list[Any], chance: random.Random) -> None:
    for message in chance.sample(got, len(got)):
        info = message.delivery_info
        body = message.body if isinstance(message.body, bytes) else message.body.encode()
        copy = amqp.Message(body, **message.properties)
        channel.basic_publish(copy, info["exchange"], info["routing_key"])
        channel.basic_ack(message.delivery_tag)


@contextmanager
def full_disk(world: World, service: str, table: str) -> Iterator[None]:
    """PostgreSQL refuses every new row of `table` as it does on a full disk (53100)."""
    with world.connect(service) as connection:
        connection.execute(_FULL)
        trigger = f"create trigger faults_disk_full before insert on {table} for each statement"
        connection.execute(f"{trigger} execute function faults_disk_full()".encode())
        try:
            yield
        finally:
            connection.execute(f"drop trigger faults_disk_full on {table}".encode())
