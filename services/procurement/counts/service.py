"""The use case of counting: what is on hand becomes what was found."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.catalog.models import Item
from services.procurement.counts.models import CostUnknown
from services.procurement.inventory import service as inventory
from services.procurement.inventory.models import LotMissing, Reason, StockMove
from services.procurement.inventory.rules import Lot, first_expired_first_out
from shared.db import get
from shared.identity import Context
from shared.money import cents


@dataclass(frozen=True, slots=True)
class Count:
    """What was found of one lot, in base units. `expires_on` and `unit_cost` matter where the lot is new here."""

    item_id: UUID
    counted: Decimal
    lot: str | None = None
    expires_on: date | None = None
    unit_cost: Decimal | None = None
    note: str | None = None


def count(session: Session, context: Context, found: Count) -> list[StockMove]:
    """Set what is on hand of a lot to what was counted; no move where they agree.

    Raises LotMissing, LotExpiryDiffers, CostUnknown.
    """
    item = get(session, Item, found.item_id)
    if item.lot_tracked != bool(found.lot):
        raise LotMissing(f"{item.name} is {'' if item.lot_tracked else 'not '}lot-tracked.")
    inventory.lock_stock(session, context.scope.location_id, {item.id})
    lots = inventory.lots(session, item.id, found.lot or "")
    difference = found.counted - sum((lot.quantity for lot in lots), Decimal(0))
    if difference == 0:
        return []
    if difference < 0:
        picks = first_expired_first_out(lots, -difference, None)
        return inventory.take(session, context, item, picks, -difference, Reason.COUNT, found.note)
    surplus = replace(_surplus(session, context, item, found, lots), quantity=difference)
    signed = replace(surplus, value=cents(difference * surplus.value))
    return [inventory.move(session, context, item, signed, Reason.COUNT, found.note)]


def _surplus(session: Session, context: Context, item: Item, found: Count, lots: list[Lot]) -> Lot:
    """Whose the surplus is, when it expires, and (as its value) what one base unit of it costs."""
    lot = found.lot or ""
    expires_on = inventory.check_expiry(session, item.id, lot, found.expires_on)
    if item.lot_tracked and expires_on is None:
        raise LotMissing(f"When does lot {lot} of {item.name} expire?")
    here = max(lots, key=lambda known: known.quantity, default=None)
    last = _last_receipt(session, item)
    owner = here.legal_entity_id if here else last.legal_entity_id if last else context.scope.legal_entity_id
    if found.unit_cost is not None:
        cost = found.unit_cost
    elif here and here.quantity > 0:
        cost = here.value / here.quantity
    elif last:
        cost = last.value / last.quantity
    else:
        raise CostUnknown(f"{item.name} was never received here; send unit_cost.")
    return Lot(lot, owner, expires_on, Decimal(0), cost)


def _last_receipt(session: Session, item: Item) -> StockMove | None:
    query = select(StockMove).where(StockMove.item_id == item.id, StockMove.reason == Reason.RECEIPT)
    return session.scalars(query.order_by(StockMove.id.desc()).limit(1)).first()
