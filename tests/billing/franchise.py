"""A franchise as billing knows it: one MSO, two clinical entities with a site each, and their agreements."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.billing.ledger.models import JournalLine
from services.billing.ledger.rules import Line
from shared.db import Database
from shared.directory import KnownAgreement, KnownEntity, KnownLocation
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Origin
from shared.tenancy import Scope
from tests.support.callers import Caller

NOVEMBER = date(2026, 11, 1)
DAY = timedelta(days=1)
LAST_OF_NOVEMBER = datetime(2026, 11, 30, 18, tzinfo=UTC)


@dataclass(frozen=True)
class Entity:
    """A clinical entity with one site and its agreement with the MSO."""

    id: UUID = field(default_factory=new_id)
    location_id: UUID = field(default_factory=new_id)
    agreement_id: UUID = field(default_factory=new_id)
    state: str = "CA"


@dataclass(frozen=True)
class Franchise:
    """An organization's ids and its database."""

    database: Database
    organization_id: UUID
    mso_id: UUID
    entities: dict[str, Entity]

    def __getattr__(self, state: str) -> Entity:
        """`franchise.ca`: the clinical entity of a state."""
        return self.entities[state.upper()]

    @contextmanager
    def transaction(self, scope: Scope | None = None) -> Iterator[Session]:
        """A transaction as a consumer has it, or one in `scope`."""
        with self.database.transaction(scope or Scope.whole(self.organization_id)) as session:
            session.info["origin"] = Origin(service="billing", request_id="test", actor_id=new_id())
            yield session

    def books_of(self, legal_entity_id: UUID) -> dict[str, Decimal]:
        """Debits less credits by account."""
        balances: dict[str, Decimal] = {}
        with self.transaction() as session:
            for line in session.scalars(select(JournalLine).where(JournalLine.legal_entity_id == legal_entity_id)):
                balances.setdefault(line.account_code, Decimal(0))
                balances[line.account_code] += line.debit - line.credit
        return {code: balance for code, balance in balances.items() if balance}

    def scope(self, entity: Entity) -> Scope:
        """What the gateway gives for `/v1/entities/{entity}`."""
        return Scope(self.organization_id, "entity", (entity.location_id,), (entity.id,))

    def mso_scope(self) -> Scope:
        """What the gateway gives for `/v1/entities/{mso}`."""
        return Scope(self.organization_id, "entity", (), (self.mso_id,))


def make_franchise(database: Database, states: Iterable[str] = ("CA", "NY"), **agreement: Any) -> Franchise:
    """Register a franchise with a clinical entity, a site and an agreement in force in each of `states`."""
    entities = {state: Entity(state=state) for state in states}
    franchise = Franchise(database, new_id(), new_id(), entities)
    owned = {"organization_id": franchise.organization_id, "seen_version": 1}
    terms = {"signed_on": date(2026, 1, 15), "starts_on": date(2026, 2, 1), "ends_on": None, **agreement}
    with franchise.transaction() as session:
        session.add(KnownEntity(id=franchise.mso_id, kind="mso", name="Glow MSO LLC", state="DE", form="LLC", **owned))
        for state, entity in entities.items():
            name = f"Glow Medical {state} PC"
            session.add(KnownEntity(id=entity.id, kind="clinical_entity", name=name, state=state, form="PC", **owned))
            session.add(
                KnownLocation(
                    id=entity.location_id,
                    code=f"{state}-1",
                    name=f"Glow {state}",
                    state=state,
                    locality=None,
                    time_zone="America/Los_Angeles",
                    legal_entity_id=entity.id,
                    status="open",
                    **owned,
                )
            )
            session.add(
                KnownAgreement(
                    id=entity.agreement_id,
                    mso_id=franchise.mso_id,
                    legal_entity_id=entity.id,
                    location_ids=[entity.location_id],
                    services=["procurement", "billing", "bookkeeping"],
                    **terms,
                    **owned,
                )
            )
    return franchise


def caller(app: Flask, keys: Keyring, scope: Scope, role: str, **changes: Any) -> Caller:
    """Somebody with one role, on that role's plane."""
    clinical = role in ("clinical_entity_owner", "medical_director", "provider", "clinical_system")
    return Caller(app, keys, scope, roles=frozenset({role}), plane="clinical" if clinical else "business", **changes)


def sale(amount: str, location_id: UUID | None = None, account: str = "4000") -> list[Line]:
    """The lines of an invoice over `amount`."""
    money = Decimal(amount)
    return [Line("1200", debit=money, location_id=location_id), Line(account, credit=money, location_id=location_id)]
