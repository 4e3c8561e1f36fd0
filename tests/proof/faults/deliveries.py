"""What each publisher logged beside what each subscriber is done with."""

import importlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.consume import wants
from shared.delivery import Delivery
from shared.feed import HEARS
from shared.inbox import Subscriber
from shared.settings import SERVICES
from tests.proof.faults.world import World

_LOG = "select sequence, event_id, plane, envelope from event_log order by sequence"
_INBOX = "select event_id, publisher, sequence from inbox where consumer = %(consumer)s"


@dataclass
class Comparison:
    """By `publisher -> consumer`: events not applied, and rows about events that were never published."""

    published: int = 0
    applied: int = 0
    lost: dict[str, set[UUID]] = field(default_factory=dict)
    invented: dict[str, set[UUID]] = field(default_factory=dict)


def subscriber(service: str) -> Subscriber:
    """Who listens for a service."""
    found: Subscriber = importlib.import_module(f"services.{service}.worker").SUBSCRIBER
    return found


def compare(world: World) -> Comparison:
    """Every publisher with every subscriber."""
    found = Comparison()
    # The inboxes first: what is applied between two reads must not look invented.
    inboxes = {service: world.ask(service, _INBOX, consumer=service) for service in SERVICES}
    logs = world.ask_all(_LOG)
    found.published = sum(len(rows) for rows in logs.values())
    for consumer in SERVICES:
        listens = subscriber(consumer)
        for publisher in listens.publishers:
            due = _due(listens, publisher, logs[publisher])
            done = {(row["event_id"], row["sequence"]) for row in inboxes[consumer] if row["publisher"] == publisher}
            found.applied += len(due & done)
            pair = f"{publisher} -> {consumer}"
            found.lost[pair] = {event for event, _ in due - done}
            everything = {(row["event_id"], row["sequence"]) for row in logs[publisher]}
            found.invented[pair] = {event for event, _ in done - everything}
    return found


def _due(listens: Subscriber, publisher: str, log: list[dict[str, Any]]) -> set[tuple[UUID, int]]:
    """What the consumer may hear and has a use for."""
    due = set()
    for row in log:
        if row["plane"] in HEARS[listens.consumer]:
            delivery = Delivery.read(publisher, bytes(row["envelope"]))
            if wants(listens, delivery):
                due.add((delivery.event_id, delivery.sequence))
    return due
