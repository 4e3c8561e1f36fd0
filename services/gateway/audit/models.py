"""The chained trail, its head per organization, and the register of reserved decisions."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, EntityOwned, HasId, OrganizationOwned

GENESIS = bytes(32)


class AuditEntry(Base):
    """One event as its publisher stored it, byte for byte, in its place in the organization's chain.

    `hash` = SHA-256(prev_hash + envelope); `position` is dense and starts at 1.
    """

    __tablename__ = "audit_entry"
    __ownership__ = "organization"
    __append_only__ = True
    __table_args__ = (Index("ix_audit_entry_organization_id_recorded_at", "organization_id", "recorded_at"),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    source: Mapped[str]
    type: Mapped[str]
    plane: Mapped[str]
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime]

    def fault(self, position: int, prev_hash: bytes, event_id: UUID | None) -> str | None:
        """What is wrong with this entry where `position` and `prev_hash` are due; `event_id` is the envelope's own."""
        if self.position != position:
            return f"entry {position} is missing"
        if self.prev_hash != prev_hash:
            return "it does not follow the entry before it"
        if self.hash != hashlib.sha256(prev_hash + self.envelope).digest():
            return "its bytes do not match its hash"
        if self.event_id != event_id:
            return "it is filed under another event"
        return None


class AuditHead(OrganizationOwned, Base):
    """Where an organization's chain ends; locked while an entry is added."""

    __tablename__ = "audit_head"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class RegisteredDecision(HasId, EntityOwned, Base):
    """A reserved decision that some service recorded (its id is the record's); the register over all services."""

    __tablename__ = "registered_decision"
    __append_only__ = True
    __table_args__ = (Index("ix_registered_decision_entity", "organization_id", "legal_entity_id", "id"),)

    service: Mapped[str]
    decision: Mapped[str]
    outcome: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    summary: Mapped[str]
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decider_role: Mapped[str]
    licence: Mapped[str | None]
    proposed_by: Mapped[UUID | None]
    rule_version: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    decided_at: Mapped[datetime]
    revokes: Mapped[UUID | None]
    event_id: Mapped[UUID]
