"""Idempotency keys: the answer to a key is stored in the transaction that did the work, so a retry replays it.

A concurrent request with the same key waits on the unique index for the first one, then replays its answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.clock import now
from shared.db import Base, HasId, OrganizationOwned
from shared.errors import Invalid, Problem
from shared.ids import new_id
from shared.outbox import write_beside
from shared.sql import Sql


class BadRequest(Problem):
    """The request cannot be understood."""

    status = 400


class IdempotencyKeyMissing(BadRequest):
    """This operation moves money or stock: send an Idempotency-Key header."""


class IdempotencyKeyReused(Invalid):
    """This idempotency key was used for another request."""


class IdempotencyKey(HasId, OrganizationOwned, Base):
    """One key of one caller for one operation, and the answer it got."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("organization_id", "principal_id", "operation", "key"),)

    principal_id: Mapped[UUID]
    operation: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Call:
    """What makes two requests the same: organization, caller, operation, key; and what they must agree in."""

    organization_id: UUID
    principal_id: UUID
    operation: str
    key: str
    path: str
    body: bytes

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(self.path.encode() + b"\0" + self.body).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer."""

    status: int
    headers: dict[str, Any]
    body: bytes


def begin(session: Session, call: Call) -> Answer | None:
    """Claim the key, or return the answer it already has. Raises IdempotencyKeyReused for another request."""
    claim = {**_key(call), "id": new_id(), "fingerprint": call.fingerprint, "created_at": now()}
    if _CLAIM.rows(session, claim):
        return None
    (stored,) = _STORED.rows(session, _key(call))
    if stored.fingerprint != call.fingerprint:
        raise IdempotencyKeyReused("Use a new key for a new request.")
    if stored.status is None:
        raise IdempotencyKeyReused("The first request with this key left no answer.")
    return Answer(stored.status, stored.headers or {}, stored.body or b"")


def finish(session: Session, call: Call, answer: Answer) -> None:
    """Store the answer of a claimed key when the transaction commits."""
    headers = msgspec.json.encode(answer.headers).decode()
    write_beside(session, _FINISH, {**_key(call), "status": answer.status, "headers": headers, "body": answer.body})


def _key(call: Call) -> dict[str, Any]:
    return {
        "organization_id": call.organization_id,
        "principal_id": call.principal_id,
        "operation": call.operation,
        "key": call.key,
    }


# Every write that moves money or stock runs these.
_SAME = "organization_id = :organization_id and principal_id = :principal_id and operation = :operation and key = :key"
_CLAIM = Sql(
    """insert into idempotency_key (id, organization_id, principal_id, operation, key, fingerprint, created_at)
    values (:id, :organization_id, :principal_id, :operation, :key, :fingerprint, :created_at)
    on conflict do nothing returning 1 as claimed"""
)
_STORED = Sql(f"select fingerprint, status, headers, body from idempotency_key where {_SAME}")
_FINISH = "update idempotency_key set status = :status, headers = cast(:headers as jsonb), body = :body where " + _SAME
