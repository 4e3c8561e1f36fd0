"""Credentials and their evidence. Both are only ever added: a renewal is a new record, a look-up a new finding."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.hr.people.models import PersonOwned
from shared.db import Base, HasId

WARN = timedelta(days=90)


class Finding(StrEnum):
    """What a look-up at the source found; `withdrawn`: the record itself was a mistake."""

    CONFIRMED = "confirmed"
    ADVERSE = "adverse"
    WITHDRAWN = "withdrawn"


class Credential(HasId, PersonOwned, Base):
    """A licence, certificate, number, insurance or check, as one record of one period. `expires_on` is its last day."""

    __tablename__ = "credential"
    __append_only__ = True
    __table_args__ = (
        Index(
            "uq_credential_record",
            "organization_id",
            "person_id",
            "kind",
            "state",
            "number",
            "issued_on",
            "expires_on",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_credential_expiry", "organization_id", "expires_on"),
    )

    kind: Mapped[str]
    title: Mapped[str]
    state: Mapped[str | None]
    number: Mapped[str | None]
    issued_on: Mapped[date]
    expires_on: Mapped[date | None]
    dataset_version: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime]


class CredentialVerification(HasId, PersonOwned, Base):
    """A look-up of a credential at its source: when, where, what was found. The newest counts."""

    __tablename__ = "credential_verification"
    __append_only__ = True

    credential_id: Mapped[UUID] = mapped_column(ForeignKey("credential.id"), index=True)
    checked_on: Mapped[date]
    checked_with: Mapped[str]
    reference: Mapped[str | None]
    finding: Mapped[str]
    checked_by: Mapped[UUID]


@dataclass(frozen=True, slots=True)
class CredentialStanding:
    """A credential and its newest verification."""

    credential: Credential
    verification: CredentialVerification | None

    def counts_on(self, day: date) -> bool:
        """Whether it may be relied on for a day: in force then, and confirmed at its source."""
        return self.status_on(day) in ("current", "expiring")

    def status_on(self, day: date) -> str:
        """unverified, adverse, withdrawn, not_yet_valid, lapsed, expiring (within 90 days) or current."""
        if self.verification is None:
            return "unverified"
        if self.verification.finding != Finding.CONFIRMED:
            return self.verification.finding
        until = self.credential.expires_on
        if day < self.credential.issued_on:
            return "not_yet_valid"
        if until is not None and until < day:
            return "lapsed"
        return "expiring" if until is not None and until - WARN <= day else "current"
