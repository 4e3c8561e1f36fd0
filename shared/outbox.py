"""The outbox: facts are written in the transaction that makes them true, and sequenced afterwards by the relay.

`pending` holds what is committed and not yet sequenced; `event_log` is append-only, dense by `sequence` and chained by
SHA-256 over the stored bytes. Nothing is published from a request.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Identity, LargeBinary, UniqueConstraint, event
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.clock import now
from shared.contracts.base import Envelope, Event
from shared.db import Base, OrganizationOwned
from shared.ids import new_id
from shared.sql import Sql

CHANNEL = "partywall_outbox"
LOG_CHANNEL = "partywall_log"


class Pending(OrganizationOwned, Base):
    """An event that is committed but not yet sequenced."""

    __tablename__ = "pending"
    __platform__ = True
    __table_args__ = (UniqueConstraint("aggregate_type", "aggregate_id", "aggregate_version", "type"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    plane: Mapped[str]
    aggregate_type: Mapped[str]
    aggregate_id: Mapped[str]
    aggregate_version: Mapped[int]
    location_id: Mapped[UUID | None]
    envelope: Mapped[bytes] = mapped_column(LargeBinary)


class LoggedEvent(OrganizationOwned, Base):
    """An event in its final place: sequence, previous hash and hash over the stored bytes."""

    __tablename__ = "event_log"
    __append_only__ = True
    __platform__ = True

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    type: Mapped[str]
    plane: Mapped[str]
    aggregate_type: Mapped[str]
    aggregate_id: Mapped[str]
    aggregate_version: Mapped[int]
    location_id: Mapped[UUID | None]
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    logged_at: Mapped[datetime]


class RelayCursor(Base):
    """One row: the head of the chain, and how far the broker has confirmed it. Its lock is the sequencers' fence."""

    __tablename__ = "relay_cursor"
    __platform__ = True

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequenced: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    published: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who caused what a transaction does; stamped on every event it emits."""

    service: str
    request_id: str
    actor_id: UUID | None = None
    actor_kind: str = "system"
    operation: str | None = None
    decision_id: UUID | None = None
    causation_id: str | None = None
    traceparent: str | None = None


def emit(session: Session, fact: Event, about: Any) -> None:
    """Tell `fact` about the row `about` when the transaction commits.

    `about` gives id, organization_id, version (1 for rows that never change) and, where it has them, location_id and
    legal_entity_id. The session's `origin` (set by the request or the consumer) says who did it.
    """
    session.info["events"].append((fact, about))


def emitted(session: Session) -> list[tuple[Event, Any]]:
    """What the transaction has told so far."""
    return list(session.info["events"])


def write_beside(session: Session, statement: str, values: dict[str, Any]) -> None:
    """Run `statement`, which gives no rows, when the transaction commits: in the round trip that writes its events."""
    session.info["beside"] = statement, values


@event.listens_for(Session, "before_commit")
def write_pending(session: Session) -> None:
    """Write what was told so far. It happens by itself at the commit; a consumer calls it after each event it applies,
    because the next one has another origin and perhaps another organization."""
    facts = session.info.get("events", [])
    beside, values = session.info.pop("beside", ("", {}))
    if not facts and not beside:
        return
    session.flush()
    rows = [_row(fact, about, session.info["origin"]) for fact, about in facts]
    statement = _statement(min(len(rows), _MANY), beside, session.info.get("notify", True))
    statement.run(session, values | _values(rows))
    facts.clear()


# One round trip for any number of events, the wake-up of the relay included.
_COLUMNS = {
    "event_id": "uuid",
    "organization_id": "uuid",
    "type": "text",
    "plane": "text",
    "aggregate_type": "text",
    "aggregate_id": "text",
    "aggregate_version": "int",
    "location_id": "uuid",
    "envelope": "bytea",
}
# Rows from here on come as arrays, so that there are only so many shapes; fewer are cheaper one by one.
_MANY = 5


@cache
def _statement(rows: int, beside: str, notify: bool) -> Sql:
    """Writes so many rows, or any number from _MANY on."""
    if not rows:
        return Sql(beside)
    parts = [f"told as (insert into pending ({', '.join(_COLUMNS)}) {_source(rows)})"]
    if beside:
        parts.append(f"beside as ({beside})")
    wake = f"pg_notify('{CHANNEL}', '')" if notify else "1"
    return Sql(f"with {', '.join(parts)} select {wake}")


def _source(rows: int) -> str:
    if rows < _MANY:
        return "values " + ", ".join(f"({', '.join(f':{name}_{row}' for name in _COLUMNS)})" for row in range(rows))
    arrays = (f"cast(:{name}_all as {kind}[])" for name, kind in _COLUMNS.items())
    return f"select * from unnest({', '.join(arrays)})"


def _values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if len(rows) < _MANY:
        return {f"{name}_{number}": value for number, row in enumerate(rows) for name, value in row.items()}
    return {f"{name}_all": [row[name] for row in rows] for name in _COLUMNS}


def _row(fact: Event, about: Any, origin: Origin) -> dict[str, Any]:
    envelope = _envelope(fact, about, origin)
    return {
        "event_id": envelope.id,
        "organization_id": envelope.organizationid,
        "type": fact.type,
        "plane": fact.plane,
        "aggregate_type": fact.aggregate_type(),
        "aggregate_id": envelope.partitionkey,
        "aggregate_version": envelope.aggregateversion,
        "location_id": envelope.locationid,
        "envelope": msgspec.json.encode(envelope),
    }


def _envelope(fact: Event, about: Any, origin: Origin) -> Envelope:
    return Envelope(
        specversion="1.0",
        id=new_id(),
        source=f"/partywall/{origin.service}",
        type=fact.type,
        subject=f"{fact.aggregate_type()}/{about.id}",
        time=now(),
        datacontenttype="application/json",
        dataschema=f"/events/{fact.type}/{fact.schema_version}",
        schemaversion=fact.schema_version,
        partitionkey=str(about.id),
        aggregateversion=getattr(about, "version", 1),
        organizationid=about.organization_id,
        locationid=getattr(about, "location_id", None),
        legalentityid=getattr(about, "legal_entity_id", None),
        plane=fact.plane,
        correlationid=origin.request_id,
        causationid=origin.causation_id,
        traceparent=origin.traceparent,
        actor=origin.actor_id,
        actorkind=origin.actor_kind,
        operation=origin.operation,
        decisionid=origin.decision_id,
        data=msgspec.Raw(msgspec.json.encode(fact)),
    )
