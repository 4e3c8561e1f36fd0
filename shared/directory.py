"""What a service knows of the gateway's directory: entities, locations and agreements, copied from its events."""

from datetime import date
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text, Uuid

from shared.contracts import gateway
from shared.contracts.base import Envelope
from shared.db import Base, OrganizationOwned
from shared.errors import NotFound
from shared.rules import learn_rule
from shared.sql import Sql

_Known = TypeVar("_Known", bound=Base)


class KnownEntity(OrganizationOwned, Base):
    """A legal entity, as the gateway last told it."""

    __tablename__ = "known_entity"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    form: Mapped[str]
    seen_version: Mapped[int]


class KnownLocation(OrganizationOwned, Base):
    """A location, as the gateway last told it. `legal_entity_id` is the clinical entity that practises there."""

    __tablename__ = "known_location"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    locality: Mapped[str | None]
    time_zone: Mapped[str]
    legal_entity_id: Mapped[UUID]
    status: Mapped[str]
    seen_version: Mapped[int]


class KnownAgreement(OrganizationOwned, Base):
    """A management services agreement, as the gateway last told it."""

    __tablename__ = "known_agreement"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mso_id: Mapped[UUID]
    legal_entity_id: Mapped[UUID]
    location_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    services: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    signed_on: Mapped[date | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    seen_version: Mapped[int]

    def in_force(self, on: date) -> bool:
        """Signed, begun and not ended; the last day counts."""
        signed = self.signed_on is not None and self.signed_on <= on
        return signed and self.starts_on <= on and (self.ends_on is None or on <= self.ends_on)


def location(session: Session, location_id: UUID) -> KnownLocation:
    """Raises NotFound."""
    return _known(session, KnownLocation, location_id, "location")


def entity(session: Session, legal_entity_id: UUID) -> KnownEntity:
    """Raises NotFound."""
    return _known(session, KnownEntity, legal_entity_id, "legal entity")


def agreement_for(session: Session, location_id: UUID, on: date) -> KnownAgreement | None:
    """The agreement in force at a location on a day, or None."""
    candidates = select(KnownAgreement).where(KnownAgreement.location_ids.contains([location_id]))
    return next((found for found in session.execute(candidates).scalars() if found.in_force(on)), None)


def _known(session: Session, model: type[_Known], key: UUID, word: str) -> _Known:
    # A row with the model's columns; these are read with nearly every change, and never changed by who reads them.
    rows = _by_id(model).rows(session, {"id": key})
    if not rows:
        raise NotFound(f"No such {word}.")
    return cast(_Known, rows[0])


@cache
def _by_id(model: type[Base]) -> Sql:
    return Sql(f"select * from {model.__tablename__} where id = :id")


def _learn(model: Any, key: str) -> Any:
    newest = _newest(model)

    def learn(session: Session, envelope: Envelope, fact: Any) -> None:
        values = {name: getattr(fact, name) for name in fact.__struct_fields__ if name != key}
        values |= {"organization_id": envelope.organizationid, "seen_version": envelope.aggregateversion}
        newest.run(session, {"id": getattr(fact, key), **values})

    return learn


def _newest(model: type[Base]) -> Sql:
    """Write a row as it was told; an older snapshot that arrives late changes nothing."""
    names = [column.name for column in model.__table__.columns]
    told = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    return Sql(
        f"insert into {model.__tablename__} as known ({', '.join(names)})"
        f" values ({', '.join(f':{name}' for name in names)})"
        f" on conflict (id) do update set {told} where known.seen_version < excluded.seen_version"
    )


HANDLERS: dict[Any, Any] = {
    gateway.LegalEntityRecorded: _learn(KnownEntity, "legal_entity_id"),
    gateway.LocationRecorded: _learn(KnownLocation, "location_id"),
    gateway.AgreementRecorded: _learn(KnownAgreement, "agreement_id"),
    gateway.RuleRecorded: learn_rule,
}
