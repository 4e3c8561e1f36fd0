"""Add to the trail, verify it, read its heads, look through the register."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.gateway.audit.models import GENESIS, AuditEntry, AuditHead, RegisteredDecision
from shared.clock import now
from shared.contracts.base import DecisionTaken, Envelope
from shared.errors import NotFound
from shared.pagination import Page, page
from shared.sql import Sql

# It locks the head, so those who add to one organization's trail queue, and positions stay dense.
_HEAD = Sql(
    """insert into audit_head as h (organization_id, position, prev_hash, hash)
    values (:organization_id, 0, :genesis, :genesis)
    on conflict (organization_id) do update set position = h.position
    returning position, hash"""
)
_APPEND = Sql(
    """with head as (
        update audit_head set position = :last, prev_hash = :prev_hash, hash = :hash
        where organization_id = :organization_id)
    insert into audit_entry (
        organization_id, position, event_id, source, type, plane, envelope, prev_hash, hash, recorded_at)
    select :organization_id, n.position, n.event_id, n.source, n.type, n.plane, n.envelope, n.prev_hash, n.hash, :at
    from unnest(
        cast(:positions as bigint[]), cast(:event_ids as uuid[]), cast(:sources as text[]), cast(:types as text[]),
        cast(:planes as text[]), cast(:envelopes as bytea[]), cast(:prev_hashes as bytea[]), cast(:hashes as bytea[]))
        as n(position, event_id, source, type, plane, envelope, prev_hash, hash)"""
)


class NoEntries(NotFound):
    """Nothing was recorded up to that day."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along a chain found: `entries` sound ones and, where it is broken, the first bad position and why."""

    organization_id: UUID
    entries: int
    head: str
    sound: bool
    position: int | None = None
    event_id: UUID | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The last position of a chain (None: it has no entry) and the hash it must end in."""

    position: int | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class DayHead:
    """The last entry up to the end of a day (UTC): what to keep elsewhere, to prove later that nothing changed."""

    organization_id: UUID
    day: date
    position: int
    hash: str
    event_id: UUID
    recorded_at: datetime


def append(session: Session, events: Sequence[tuple[Envelope, bytes]]) -> None:
    """Add events of one organization, byte for byte, to its chain, in their order."""
    organization_id = events[0][0].organizationid
    [head] = _HEAD.rows(session, {"organization_id": organization_id, "genesis": GENESIS})
    chain = [head.hash]
    for _, raw in events:
        chain.append(hashlib.sha256(chain[-1] + raw).digest())
    envelopes = [envelope for envelope, _ in events]
    last = head.position + len(events)
    _APPEND.run(
        session,
        {
            "organization_id": organization_id,
            "at": now(),
            "last": last,
            "prev_hash": chain[-2],
            "hash": chain[-1],
            "positions": list(range(head.position + 1, last + 1)),
            "event_ids": [envelope.id for envelope in envelopes],
            "sources": [envelope.source for envelope in envelopes],
            "types": [envelope.type for envelope in envelopes],
            "planes": [envelope.plane for envelope in envelopes],
            "envelopes": [raw for _, raw in events],
            "prev_hashes": chain[:-1],
            "hashes": chain[1:],
        },
    )


def register(session: Session, envelope: Envelope, fact: DecisionTaken) -> None:
    """Enter a reserved decision in the register; the same record twice is once."""
    values = {name: getattr(fact, name) for name in fact.__struct_fields__ if name != "record_id"}
    session.execute(
        insert(RegisteredDecision)
        .values(
            id=fact.record_id,
            organization_id=envelope.organizationid,
            service=envelope.type.split(".", 1)[0],
            event_id=envelope.id,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )


def verify(session: Session, organization_id: UUID) -> Verification:
    """Walk the organization's chain from its first entry to its head; the session's scope must hold it."""
    # The head first: entries that are added during the walk lie beyond it and are no fault.
    end = end_of(session, organization_id)
    return judge(walk(session, beginning(organization_id), end), end)


def end_of(session: Session, organization_id: UUID) -> End:
    """Where the organization's chain ends now."""
    head = session.get(AuditHead, organization_id)
    return End(head.position, head.hash) if head else End(None, GENESIS)


def beginning(organization_id: UUID) -> Verification:
    """A walk that has not begun."""
    return Verification(organization_id, 0, GENESIS.hex(), True)


def walk(session: Session, found: Verification, end: End, limit: int | None = None) -> Verification:
    """Go on where `found` ended, over at most `limit` entries (None: to the end)."""
    query = select(AuditEntry).where(AuditEntry.organization_id == found.organization_id)
    query = query.where(AuditEntry.position > found.entries).order_by(AuditEntry.position).limit(limit)
    if end.position is not None:
        query = query.where(AuditEntry.position <= end.position)
    position, known = found.entries, bytes.fromhex(found.head)
    with session.execute(query.execution_options(yield_per=500)) as result:
        for entry in result.scalars():
            fault = entry.fault(position + 1, known, _event_id(entry.envelope))
            if fault:
                return replace(
                    found, entries=position, head=known.hex(), sound=False,
                    position=position + 1, event_id=entry.event_id, fault=fault,
                )  # fmt: skip
            position, known = entry.position, entry.hash
            session.expunge(entry)
    return replace(found, entries=position, head=known.hex())


def judge(found: Verification, end: End) -> Verification:
    """What a walk found, once it went as far as it could: sound only where it came to the chain's end."""
    if found.fault or (found.entries, found.head) == (end.position or 0, end.hash.hex()):
        return found
    fault = f"the chain should end at entry {end.position or 0}"
    return replace(found, sound=False, position=found.entries + 1, fault=fault)


def _event_id(raw: bytes) -> UUID | None:
    try:
        return msgspec.json.decode(raw, type=Envelope).id
    except msgspec.MsgspecError:
        return None


def day_head(session: Session, organization_id: UUID, day: date) -> DayHead:
    """The chain's head at the end of `day` (UTC). Raises NoEntries."""
    end = datetime.combine(day + timedelta(days=1), time(), UTC)
    entry = session.execute(
        select(AuditEntry)
        .where(AuditEntry.organization_id == organization_id, AuditEntry.recorded_at < end)
        .order_by(AuditEntry.position.desc())
        .limit(1)
    ).scalar_one_or_none()
    if entry is None:
        raise NoEntries("")
    return DayHead(organization_id, day, entry.position, entry.hash.hex(), entry.event_id, entry.recorded_at)


def reserved_decisions(
    session: Session, *, decision: str | None, outcome: str | None, limit: int, cursor: str | None
) -> Page[RegisteredDecision]:
    """The register as far as the transaction's scope covers it, newest first."""
    query = select(RegisteredDecision)
    if decision is not None:
        query = query.where(RegisteredDecision.decision == decision)
    if outcome is not None:
        query = query.where(RegisteredDecision.outcome == outcome)
    return page(session, query, [RegisteredDecision.id], limit=limit, cursor=cursor)
