"""Show charges, and take the provider's coding decisions about them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.billing.accounts.models import PatientAccount, Purpose, check_may_see
from services.billing.accounts.service import tell_read
from services.billing.charges.models import Charge, ChargeRevision, ChargeStatus
from services.billing.tax import service as tax
from shared import decisions, directory
from shared.clock import today
from shared.db import get, lock
from shared.identity import Context
from shared.pagination import Page, page

CODING = "billing.coding.decide"


@dataclass(frozen=True, slots=True)
class Unbilled:
    """What one account could be invoiced for. `held_for` names the item classes whose tax nobody has said."""

    account_id: UUID
    account_number: str
    location_id: UUID
    charges: int
    amount: Decimal
    held_for: list[str]


def listing(
    session: Session,
    context: Context,
    purpose: Purpose,
    *,
    status: str | None,
    account_id: UUID | None,
    limit: int,
    cursor: str | None,
) -> Page[Charge]:
    """Charges in scope, newest first; a look at patient-level data."""
    check_may_see(context)
    query = select(Charge)
    if status:
        query = query.where(Charge.status == status)
    if account_id:
        query = query.where(Charge.account_id == account_id)
    found: Page[Charge] = page(session, query, [Charge.id], limit=limit, cursor=cursor)
    tell_read(session, context, sorted({charge.account_id for charge in found.items}), purpose, masked=True)
    return found


def read(session: Session, context: Context, charge_id: UUID, purpose: Purpose) -> Charge:
    """One charge; a look at patient-level data."""
    check_may_see(context)
    charge = get(session, Charge, charge_id)
    tell_read(session, context, [charge.account_id], purpose, masked=True)
    return charge


def revisions(session: Session, charge_id: UUID) -> list[ChargeRevision]:
    """What coding decisions changed on a charge, oldest first."""
    query = select(ChargeRevision).where(ChargeRevision.charge_id == charge_id).order_by(ChargeRevision.id)
    return list(session.execute(query).scalars())


def correct(session: Session, context: Context, charge_id: UUID, *, reason: str, **changes: Any) -> Charge:
    """The provider chooses another code, quantity or price for a charge that is not billed. Raises AlreadyBilled."""
    charge = lock(session, Charge, charge_id)
    before = charge.coding()
    charge.correct(**changes)
    return _decided(session, context, charge, before, reason, "A charge was coded anew.")


def void(session: Session, context: Context, charge_id: UUID, reason: str) -> Charge:
    """The provider takes a charge back that was entered in error. Raises AlreadyBilled."""
    charge = lock(session, Charge, charge_id)
    before = charge.coding()
    charge.void()
    return _decided(session, context, charge, before, reason, "A charge was voided.")


def _decided(
    session: Session, context: Context, charge: Charge, before: dict[str, Any], reason: str, summary: str
) -> Charge:
    record = decisions.take(
        session,
        context,
        CODING,
        outcome="approved",
        legal_entity_id=charge.legal_entity_id,
        subject_type="charge",
        subject_id=charge.id,
        summary=summary,
    )
    session.add(
        ChargeRevision(
            organization_id=charge.organization_id,
            location_id=charge.location_id,
            charge_id=charge.id,
            decision_id=record.id,
            before=before,
            after=charge.coding(),
            reason=reason,
            decided_by=record.decided_by,
            decided_at=record.decided_at,
        )
    )
    session.flush()
    return charge


def unbilled(session: Session, *, limit: int, cursor: str | None) -> Page[Unbilled]:
    """The biller's work list: accounts with charges to invoice, by pseudonym."""
    waiting = (
        select(Charge.id)
        .where(Charge.account_id == PatientAccount.id, Charge.status == ChargeStatus.BILLABLE)
        .where(Charge.location_id == PatientAccount.location_id)
    )
    query = select(PatientAccount).where(waiting.exists())
    accounts: Page[PatientAccount] = page(session, query, [PatientAccount.id], limit=limit, cursor=cursor)
    totals = _totals(session, accounts.items)
    known = {place: _taxed_at(session, place) for place in {account.location_id for account in accounts.items}}
    return Page([_line(account, totals, known[account.location_id]) for account in accounts.items], accounts.next)


def _totals(session: Session, accounts: list[PatientAccount]) -> dict[UUID, list[tuple[str, int, Decimal]]]:
    rows = session.execute(
        select(Charge.account_id, Charge.item_class, func.count(), func.sum(Charge.amount))
        .where(Charge.account_id.in_([account.id for account in accounts]), Charge.status == ChargeStatus.BILLABLE)
        .group_by(Charge.account_id, Charge.item_class)
    )
    found: dict[UUID, list[tuple[str, int, Decimal]]] = {}
    for account_id, item_class, count, amount in rows:
        found.setdefault(account_id, []).append((item_class, count, amount))
    return found


def _taxed_at(session: Session, location_id: UUID) -> set[str]:
    site = directory.location(session, location_id)
    return set(tax.in_force(session, site.state, site.locality, today(site.time_zone)))


def _line(account: PatientAccount, totals: dict[UUID, list[tuple[str, int, Decimal]]], taxed: set[str]) -> Unbilled:
    parts = totals.get(account.id, [])
    return Unbilled(
        account_id=account.id,
        account_number=account.number,
        location_id=account.location_id,
        charges=sum(count for _, count, _ in parts),
        amount=sum((amount for _, _, amount in parts), Decimal(0)),
        held_for=sorted(item_class for item_class, _, _ in parts if item_class not in taxed),
    )
