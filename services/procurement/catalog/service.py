"""Use cases of the catalogue: items, prices, and what a list of needs would cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.procurement.catalog import rules
from services.procurement.catalog.models import (
    BaseUnitFixed,
    CannotBeOrdered,
    Item,
    ItemStatus,
    ItemUnknown,
    PriceEnds,
    TooMuch,
    VendorPrice,
)
from services.procurement.catalog.rules import ItemFacts, Offer
from services.procurement.vendors.models import Vendor, VendorStatus
from shared.amounts import unit_price
from shared.contracts.procurement import ItemRecorded
from shared.db import get
from shared.errors import Invalid
from shared.identity import Context
from shared.ids import new_id
from shared.money import cents
from shared.outbox import emit
from shared.pagination import Page, page
from shared.sql import Sql

LARGEST_AMOUNT = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Need:
    """So much of an item; `vendor_id` None means the cheapest."""

    item_id: UUID
    quantity: Decimal
    unit: str
    vendor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A need, priced. `ratio` base units make one `unit`; `amount` is money to the cent."""

    item_id: UUID
    sku: str
    item_name: str
    item_class: str
    vendor_id: UUID
    vendor_sku: str | None
    unit: str
    quantity: Decimal
    ratio: Fraction
    base_quantity: Decimal
    unit_price: Decimal
    amount: Decimal


def record_item(session: Session, context: Context, facts: ItemFacts) -> Item:
    """A new item, written with the next flush. Raises BadUnitChain, BadGtin."""
    item = Item(id=new_id(), organization_id=context.organization_id, **_values(facts))
    item.status = ItemStatus.ACTIVE
    session.add(item)
    _tell(session, item)
    return item


def change_item(session: Session, item: Item, facts: ItemFacts, status: str | None = None) -> bool:
    """Describe an item anew; False where nothing changed. Raises BadUnitChain, BadGtin, BaseUnitFixed."""
    values = _values(facts) | ({"status": ItemStatus(status)} if status else {})
    base = rules.unit_chain(item.unit_chain).base
    if rules.unit_chain(facts.unit_chain).base != base:
        raise BaseUnitFixed(f"Stock of {item.sku} is kept in {base}.")
    for name, value in values.items():
        setattr(item, name, value)
    if not session.is_modified(item):
        return False
    if item not in session.new:
        _tell(session, item)
    return True


def items(session: Session, *, limit: int, cursor: str | None, **filters: Any) -> Page[Item]:
    query = select(Item)
    for name in ("item_class", "status", "gtin"):
        if filters.get(name):
            query = query.where(getattr(Item, name) == filters[name])
    if filters.get("search"):
        query = query.where(or_(*(column.icontains(filters["search"], autoescape=True) for column in _SEARCHED)))
    return page(session, query, [Item.sku], limit=limit, cursor=cursor, descending=False)


_SEARCHED = (Item.name, Item.sku, Item.manufacturer)


def record_price(
    session: Session,
    context: Context,
    item: Item,
    *,
    vendor_id: UUID,
    unit: str,
    price: Decimal,
    starts_on: date,
    ends_on: date | None,
    vendor_sku: str | None,
) -> VendorPrice:
    """A vendor's price; it replaces that vendor's older one from its first day on. Raises UnknownUnit, PriceEnds."""
    rules.unit_chain(item.unit_chain).ratio(unit)
    if ends_on is not None and ends_on < starts_on:
        raise PriceEnds("The last day comes before the first.")
    offered = VendorPrice(
        organization_id=context.organization_id,
        item_id=item.id,
        vendor_id=get(session, Vendor, vendor_id).id,
        vendor_sku=vendor_sku,
        unit=unit,
        price=price,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    session.add(offered)
    session.flush()
    return offered


def prices(session: Session, item_id: UUID, *, limit: int, cursor: str | None) -> Page[VendorPrice]:
    item = get(session, Item, item_id)
    query = select(VendorPrice).where(VendorPrice.item_id == item.id)
    return page(session, query, [VendorPrice.starts_on, VendorPrice.id], limit=limit, cursor=cursor)


def quote(session: Session, needs: Sequence[Need], on: date) -> list[Quote]:
    """Price every need for a day. Raises CannotBeOrdered, which names each line that has no answer and why."""
    known = _offered(session, {need.item_id for need in needs}, on)
    quotes: list[Quote] = []
    wrong: list[dict[str, str]] = []
    for position, need in enumerate(needs):
        try:
            quotes.append(_quote(need, *known.get(need.item_id, (None, []))))
        except Invalid as error:
            wrong.append({"pointer": f"/lines/{position}", "detail": f"{error.title}. {error.detail}".strip()})
    if wrong:
        raise CannotBeOrdered("See errors.", errors=wrong)
    return quotes


def _quote(need: Need, item: Any, offers: list[Offer]) -> Quote:
    if item is None:
        raise ItemUnknown(str(need.item_id))
    if item.status != ItemStatus.ACTIVE:
        raise ItemUnknown(f"{item.name} ({item.sku}) is retired.")
    ratio = rules.unit_chain(item.unit_chain).ratio(need.unit)
    offer = rules.best_offer(offers, need.unit, need.vendor_id)
    amount = cents(need.quantity * offer.price)
    if amount > LARGEST_AMOUNT:
        raise TooMuch(f"{item.name} ({item.sku}).")
    return Quote(
        item_id=item.id,
        sku=item.sku,
        item_name=item.name,
        item_class=item.item_class,
        vendor_id=offer.vendor_id,
        vendor_sku=offer.vendor_sku,
        unit=need.unit,
        quantity=need.quantity,
        ratio=ratio,
        base_quantity=rules.convert(need.quantity, ratio),
        unit_price=offer.price,
        amount=amount,
    )


def _offered(session: Session, item_ids: set[UUID], on: date) -> dict[UUID, tuple[Any, list[Offer]]]:
    """Each item with what active vendors ask for it on a day: one query of columns, on the path of every order."""
    found: dict[UUID, tuple[Any, list[Offer]]] = {}
    for row in _OFFERS.rows(session, {"ids": list(item_ids), "day": on}):
        offers = found.setdefault(row.id, (row, []))[1]
        if row.code is not None:
            price = unit_price(row.price)
            offers.append(Offer(row.vendor_id, row.code, row.unit, price, row.starts_on, row.vendor_sku))
    return found


_OFFERS = Sql(
    f"""select i.id, i.sku, i.name, i.item_class, i.unit_chain, i.status, p.vendor_id, p.unit, p.price, p.starts_on,
    p.vendor_sku, v.code
  from catalog_item i
  left join vendor_price p on p.item_id = i.id and p.starts_on <= :day and (p.ends_on is null or p.ends_on >= :day)
  left join vendor v on v.id = p.vendor_id and v.status = '{VendorStatus.ACTIVE}'
  where i.id = any(cast(:ids as uuid[]))"""
)


def _values(facts: ItemFacts) -> dict[str, Any]:
    rules.unit_chain(facts.unit_chain)
    return asdict(facts) | {"gtin": rules.gtin(facts.gtin)}


def _tell(session: Session, item: Item) -> None:
    told = ItemRecorded(item_id=item.id, sku=item.sku, name=item.name, item_class=item.item_class, status=item.status)
    emit(session, told, item)
