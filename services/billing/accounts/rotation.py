"""Seal every patient account under the newest key: run after a master key was added, before an old one is dropped."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.billing.accounts.models import FieldKeyUse, PatientAccount
from services.billing.accounts.service import seal
from services.billing.sealing import FieldKeys
from shared.db import Database
from shared.tenancy import Scope

BATCH = 200


def outdated(session: Session, newest: int) -> set[UUID]:
    """Organizations with rows under an older key. Runs on the platform's behalf: it names organizations only."""
    query = select(FieldKeyUse.organization_id).where(FieldKeyUse.key_version < newest).distinct()
    return set(session.execute(query).scalars())


def versions_in_use(session: Session) -> set[int]:
    """Key versions that some organization's rows are sealed with."""
    return set(session.execute(select(FieldKeyUse.key_version).distinct()).scalars())


def seal_anew(database: Database, keys: FieldKeys) -> int:
    """Re-seal what older keys sealed, some rows a transaction, beside people at work. Returns how many accounts."""
    keys.refresh()
    with database.platform_transaction() as session:
        organizations = outdated(session, keys.newest)
    return sum(_organization(database, keys, each) for each in sorted(organizations))


def _organization(database: Database, keys: FieldKeys, organization_id: UUID) -> int:
    done, after, newest = 0, UUID(int=0), keys.newest
    while True:
        with database.transaction(Scope.whole(organization_id)) as session:
            accounts = _next(session, newest, after)
            for account in accounts:
                seal(session, keys, account, account.reveal(keys))
            if not accounts:
                _forget(session, organization_id, newest)
                return done
            done, after = done + len(accounts), accounts[-1].id


def _next(session: Session, newest: int, after: UUID) -> list[PatientAccount]:
    query = select(PatientAccount).where(PatientAccount.key_version < newest, PatientAccount.id > after)
    return list(session.execute(query.order_by(PatientAccount.id).limit(BATCH).with_for_update()).scalars())


def _forget(session: Session, organization_id: UUID, newest: int) -> None:
    """Strike off the older keys that no row needs; who is sealing with one right now is waited for."""
    old = select(FieldKeyUse).where(FieldKeyUse.organization_id == organization_id, FieldKeyUse.key_version < newest)
    uses = list(session.execute(old.with_for_update()).scalars())
    left = select(PatientAccount.key_version).where(PatientAccount.key_version < newest).distinct()
    needed = set(session.execute(left).scalars())
    for use in uses:
        if use.key_version not in needed:
            session.delete(use)
