"""Use cases of vendors."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.vendors import rules
from services.procurement.vendors.models import BankChange, BankChangePending, BankChangeStatus, Vendor, VendorStatus
from services.procurement.vendors.rules import VendorFacts
from shared.clock import now
from shared.contracts.procurement import VendorRecorded
from shared.db import get, lock
from shared.errors import NotFound
from shared.identity import Context
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page


def record(session: Session, context: Context, facts: VendorFacts) -> Vendor:
    """A new vendor, written with the next flush. Raises BadTaxId."""
    vendor = Vendor(id=new_id(), organization_id=context.organization_id, status=VendorStatus.ACTIVE, **_values(facts))
    session.add(vendor)
    _tell(session, vendor)
    return vendor


def change(session: Session, vendor: Vendor, facts: VendorFacts, status: str | None = None) -> bool:
    """Describe a vendor anew, and block or release it; False where nothing changed. Raises BadTaxId."""
    for name, value in _values(facts).items():
        setattr(vendor, name, value)
    if status:
        vendor.status = VendorStatus(status)
    if not session.is_modified(vendor):
        return False
    if vendor not in session.new:
        _tell(session, vendor)
    return True


def listing(session: Session, *, limit: int, cursor: str | None, **filters: Any) -> Page[Vendor]:
    query = select(Vendor)
    if filters.get("status"):
        query = query.where(Vendor.status == filters["status"])
    return page(session, query, [Vendor.code], limit=limit, cursor=cursor, descending=False)


def by_code(session: Session, codes: Iterable[str]) -> dict[str, Vendor]:
    """The vendors with these codes, by code."""
    found = session.scalars(select(Vendor).where(Vendor.code.in_(list(codes))))
    return {vendor.code: vendor for vendor in found}


def propose_bank_change(session: Session, context: Context, vendor_id: UUID, details: dict[str, str]) -> BankChange:
    """New bank details, waiting for a second person. Raises BadRoutingNumber, BankChangePending."""
    vendor = lock(session, Vendor, vendor_id)
    waiting = select(BankChange.id).where(
        BankChange.vendor_id == vendor.id, BankChange.status == BankChangeStatus.PROPOSED
    )
    if session.scalar(waiting):
        raise BankChangePending("Have it confirmed or refused first.")
    proposed = BankChange(
        organization_id=context.organization_id,
        vendor_id=vendor.id,
        account_name=details["account_name"],
        routing_number=rules.routing_number(details["routing_number"]),
        account_number=details["account_number"],
        reason=details["reason"],
        proposed_by=context.principal_id,
        proposed_at=now(),
    )
    session.add(proposed)
    session.flush()
    return proposed


def confirm_bank_change(session: Session, context: Context, vendor_id: UUID, change_id: UUID) -> BankChange:
    """Raises SecondPersonNeeded, BankChangeSettled."""
    vendor = lock(session, Vendor, vendor_id)
    proposed = _bank_change(session, vendor, change_id)
    proposed.confirm(vendor, context.principal_id, now())
    session.flush()
    return proposed


def refuse_bank_change(session: Session, context: Context, vendor_id: UUID, change_id: UUID) -> BankChange:
    """Raises BankChangeSettled."""
    proposed = _bank_change(session, lock(session, Vendor, vendor_id), change_id)
    proposed.refuse(context.principal_id, now())
    session.flush()
    return proposed


def bank_changes(session: Session, vendor_id: UUID, *, limit: int, cursor: str | None) -> Page[BankChange]:
    vendor = get(session, Vendor, vendor_id)
    query = select(BankChange).where(BankChange.vendor_id == vendor.id)
    return page(session, query, [BankChange.id], limit=limit, cursor=cursor)


def _bank_change(session: Session, vendor: Vendor, change_id: UUID) -> BankChange:
    found = lock(session, BankChange, change_id)
    if found.vendor_id != vendor.id:
        raise NotFound("No such bank change.")
    return found


def _values(facts: VendorFacts) -> dict[str, Any]:
    return asdict(facts) | {"tax_id": rules.tax_id(facts.tax_id)}


def _tell(session: Session, vendor: Vendor) -> None:
    told = VendorRecorded(vendor_id=vendor.id, code=vendor.code, name=vendor.name, status=vendor.status)
    emit(session, told, vendor)
