"""Use cases of tolerances."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.tolerances.models import Tolerances
from shared.identity import Context

# Until an organization says otherwise: nothing extra is received, two percent on price, ten on freight and tax.
OVER_RECEIPT, BILL_PRICE, EXTRA_CHARGES = Decimal("0"), Decimal("0.02"), Decimal("0.10")


def current(session: Session, organization_id: object) -> Tolerances:
    """The tolerances in force; an organization that never set any has the defaults (version 0, not stored)."""
    stored = session.scalars(select(Tolerances)).one_or_none()
    return stored or Tolerances(
        organization_id=organization_id,
        over_receipt=OVER_RECEIPT,
        bill_price=BILL_PRICE,
        extra_charges=EXTRA_CHARGES,
        version=0,
    )


def change(
    session: Session, context: Context, *, over_receipt: Decimal, bill_price: Decimal, extra_charges: Decimal
) -> Tolerances:
    """Set the tolerances; bills are matched by them from now on."""
    stored = session.scalars(select(Tolerances).with_for_update()).one_or_none()
    if stored is None:
        stored = Tolerances(organization_id=context.organization_id)
        session.add(stored)
    stored.over_receipt, stored.bill_price, stored.extra_charges = over_receipt, bill_price, extra_charges
    session.flush()
    return stored
