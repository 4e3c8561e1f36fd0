"""Open, find, show and change patient accounts; every look is told in the same transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import LargeBinary, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from services.billing.accounts.models import (
    Details,
    FieldKeyUse,
    PatientAccount,
    Purpose,
    check_may_see,
    index_place,
    mask,
)
from services.billing.sealing import FieldKeys
from shared import directory
from shared.clock import today
from shared.contracts.billing import PatientAccountChanged, PatientAccountOpened, PatientAccountRead
from shared.db import get, lock
from shared.errors import NotFound
from shared.identity import Context
from shared.ids import new_id
from shared.numbers import next_number
from shared.outbox import emit
from shared.pagination import Page, page


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is booked: one site and the clinical entity that practises there."""

    organization_id: UUID
    location_id: UUID
    legal_entity_id: UUID

    @classmethod
    def of(cls, context: Context) -> "Place":
        """The site of a location scope."""
        return cls(context.organization_id, context.scope.location_id, context.scope.legal_entity_id)


@dataclass(frozen=True, slots=True, repr=False)
class Listed:
    """A line of the account list: the name is masked on the business plane."""

    id: UUID
    number: str
    location_id: UUID
    name: str


def one_at_a_time(session: Session, place: Place) -> None:
    """Accounts and charges of a site are taken in by one transaction at a time, so that a natural key, also one that
    is sealed under an older key version, is found before it is made again."""
    key = func.hashtextextended(f"billing intake {place.location_id}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def known(
    session: Session, keys: FieldKeys, place: Place, source_system: str, external_ids: Iterable[str]
) -> dict[str, PatientAccount]:
    """The site's accounts by the clinical system's patient id, for those that have one."""
    keys.refresh()
    where = index_place(source_system)
    of = {index: each for each in external_ids for index in keys.indexes(place.organization_id, where, each)}
    found = session.execute(
        select(PatientAccount).where(
            PatientAccount.location_id == place.location_id,
            PatientAccount.legal_entity_id == place.legal_entity_id,
            PatientAccount.source_system == source_system,
            PatientAccount.external_index == any_(literal(list(of), ARRAY(LargeBinary()))),
        )
    ).scalars()
    return {of[account.external_index]: account for account in found}


def open_account(
    session: Session, keys: FieldKeys, place: Place, source_system: str, details: Details
) -> PatientAccount:
    """The account of this patient at this site: the one there is, else a new one."""
    one_at_a_time(session, place)
    there = known(session, keys, place, source_system, [details.external_id]).get(details.external_id)
    return there or make(session, keys, place, source_system, details)


def make(session: Session, keys: FieldKeys, place: Place, source_system: str, details: Details) -> PatientAccount:
    """A new account; the caller holds `one_at_a_time` and knows that there is none."""
    year = today(directory.location(session, place.location_id).time_zone).year
    account = PatientAccount(
        id=new_id(),
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        number=next_number(session, place.organization_id, "PA", year, place.legal_entity_id),
        source_system=source_system,
    )
    seal(session, keys, account, details)
    session.add(account)
    session.flush()
    emit(session, PatientAccountOpened(account_id=account.id, number=account.number), account)
    return account


def seal(session: Session, keys: FieldKeys, account: PatientAccount, details: Details) -> None:
    """Seal `details` under the newest key, and have it on record that the organization needs this key."""
    keys.refresh()
    account.seal(keys, details)
    use = account.organization_id, account.key_version
    noted: set[tuple[UUID, int]] = session.info.setdefault("field_key_use", set())
    while use not in noted:
        values = {"organization_id": use[0], "key_version": use[1]}
        session.execute(insert(FieldKeyUse).values(values).on_conflict_do_nothing())
        # Shared with everybody who seals; rotation, which would strike the key off, waits for all of them.
        held = select(FieldKeyUse.key_version).filter_by(**values).with_for_update(read=True)
        if session.execute(held).first() is not None:
            noted.add(use)


def check_billed_at(place: Place, legal_entity_id: UUID | None) -> None:
    """`legal_entity_id` is the account's, None where there is none in scope. Raises NotFound."""
    if legal_entity_id is None:
        raise NotFound("No such patient account.")
    if legal_entity_id != place.legal_entity_id:
        raise NotFound("It belongs to the entity that practised here before.")


def listing(
    session: Session, keys: FieldKeys, context: Context, purpose: Purpose, *, limit: int, cursor: str | None
) -> Page[Listed]:
    """Accounts in scope, newest first. On the business plane names are masked (minimum necessary, 164.502(b))."""
    check_may_see(context)
    masked = context.plane == "business"
    found: Page[PatientAccount] = page(session, select(PatientAccount), [PatientAccount.id], limit=limit, cursor=cursor)
    tell_read(session, context, [account.id for account in found.items], purpose, masked=masked)
    show = mask if masked else str
    lines = [Listed(each.id, each.number, each.location_id, show(each.name(keys))) for each in found.items]
    return Page(lines, found.next)


def read(
    session: Session, keys: FieldKeys, context: Context, account_id: UUID, purpose: Purpose
) -> tuple[PatientAccount, Details]:
    """One account in full."""
    check_may_see(context)
    account = get(session, PatientAccount, account_id)
    tell_read(session, context, [account.id], purpose, masked=False)
    return account, account.reveal(keys)


def look_up(
    session: Session, keys: FieldKeys, context: Context, source_system: str, external_id: str, purpose: Purpose
) -> PatientAccount:
    """The account with a patient id of the clinical system. Raises NotFound."""
    check_may_see(context)
    found = known(session, keys, Place.of(context), source_system, [external_id]).get(external_id)
    if found is None:
        raise NotFound("No account at this site has that id.")
    tell_read(session, context, [found.id], purpose, masked=True)
    return found


def change(
    session: Session, keys: FieldKeys, account: PatientAccount, changes: dict[str, str | None]
) -> PatientAccount:
    """Replace some details of a locked account."""
    seal(session, keys, account, account.reveal(keys).changed(changes))
    session.flush()
    emit(session, PatientAccountChanged(account_id=account.id, fields=sorted(changes)), account)
    return account


def locked(session: Session, account_id: UUID) -> PatientAccount:
    """The account, held until the transaction ends. Raises NotFound."""
    return lock(session, PatientAccount, account_id)


def tell_read(session: Session, context: Context, account_ids: list[UUID], purpose: Purpose, *, masked: bool) -> None:
    """Who looked at whom and why; stands in the transaction that shows it (45 CFR 164.312(b))."""
    entities, one_site = context.scope.entities, context.scope.kind == "location"
    about = SimpleNamespace(
        id=new_id(),
        organization_id=context.organization_id,
        location_id=context.scope.location_id if one_site else None,
        legal_entity_id=entities[0] if entities and len(entities) == 1 else None,
    )
    fact = PatientAccountRead(read_id=about.id, account_ids=account_ids, purpose=purpose.value, masked=masked)
    emit(session, fact, about)
