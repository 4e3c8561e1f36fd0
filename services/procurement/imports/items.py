"""Items and prices as rows of a CSV file; the natural keys are the SKU, and SKU, vendor, unit and first day."""

import re
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.catalog import rules, service
from services.procurement.catalog.models import Item, ItemStatus, VendorPrice
from services.procurement.catalog.rules import ItemClass, ItemFacts, Storage
from services.procurement.imports.rules import BadCell, Report, Row
from services.procurement.vendors import service as vendors
from services.procurement.vendors.models import Vendor
from shared.errors import Invalid
from shared.identity import Context
from shared.ids import new_id

ITEM_COLUMNS = (*(facts.name for facts in fields(ItemFacts)), "status")
PRICE_COLUMNS = ("vendor_code", "vendor_sku", "price_unit", "price", "price_from", "price_to")
COLUMNS = (*ITEM_COLUMNS, *PRICE_COLUMNS)
NEEDED = ("sku", "name", "item_class", "unit_chain")
SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """What a row says of a price."""

    vendor_code: str
    vendor_sku: str | None
    unit: str
    price: Decimal
    starts_on: date
    ends_on: date | None


class Loader:
    """What the database and the rows read so far hold; applies one row at a time."""

    def __init__(self, session: Session, context: Context, rows: list[Row], report: Report) -> None:
        self.session, self.context, self.report = session, context, report
        skus = {row.cells["sku"] for row in rows}
        self.items = {item.sku: item for item in session.scalars(select(Item).where(Item.sku.in_(skus)))}
        self.gtins: dict[str, str] = {row.gtin: row.sku for row in session.execute(_gtins())}
        self.vendors: dict[str, Vendor] = vendors.by_code(session, {row.cells.get("vendor_code", "") for row in rows})
        self.prices = {_key(price): price for price in session.scalars(_prices(self.items))}
        self.seen: dict[str, tuple[ItemFacts, str]] = {}

    def load(self, row: Row) -> None:
        """Raises BadCell; then nothing of the row was applied."""
        facts, status, price = _facts(row), row.choice("status", ItemStatus, ItemStatus.ACTIVE), _price(row)
        self._check(facts, status, price)
        item = self._item(facts, status)
        if price:
            self._price(item, price)

    def _check(self, facts: ItemFacts, status: str, price: PriceFacts | None) -> None:
        if self.seen.get(facts.sku, (facts, status)) != (facts, status):
            raise BadCell("sku", "An earlier row describes this item differently.")
        if facts.gtin and self.gtins.get(facts.gtin, facts.sku) != facts.sku:
            raise BadCell("gtin", f"It is the GTIN of {self.gtins[facts.gtin]}.")
        known = self.items.get(facts.sku)
        chain = rules.unit_chain(facts.unit_chain)
        if known and rules.unit_chain(known.unit_chain).base != chain.base:
            raise BadCell("unit_chain", "The base unit of an item never changes.")
        if price and price.vendor_code not in self.vendors:
            raise BadCell("vendor_code", "There is no vendor with this code.")
        if price and price.unit not in chain.names:
            raise BadCell("price_unit", f"One of {', '.join(chain.names)}.")

    def _item(self, facts: ItemFacts, status: str) -> Item:
        item = self.items.get(facts.sku)
        again = facts.sku in self.seen
        self.seen[facts.sku] = (facts, status)
        if item is None:
            item = self.items[facts.sku] = service.record_item(self.session, self.context, facts)
            item.status = ItemStatus(status)
            self.report.count("items", "created")
        elif not again:
            changed = service.change_item(self.session, item, facts, status)
            self.report.count("items", "updated" if changed else "unchanged")
        if facts.gtin:
            self.gtins[facts.gtin] = facts.sku
        return item

    def _price(self, item: Item, facts: PriceFacts) -> None:
        key = (item.id, self.vendors[facts.vendor_code].id, facts.unit, facts.starts_on)
        values = {"vendor_sku": facts.vendor_sku, "price": facts.price, "ends_on": facts.ends_on}
        price = self.prices.get(key)
        if price is None:
            self.prices[key] = VendorPrice(
                id=new_id(),
                organization_id=self.context.organization_id,
                item_id=item.id,
                vendor_id=key[1],
                unit=facts.unit,
                starts_on=facts.starts_on,
                **values,
            )
            self.session.add(self.prices[key])
            self.report.count("prices", "created")
            return
        changed = any(getattr(price, name) != value for name, value in values.items())
        for name, value in values.items():
            setattr(price, name, value)
        self.report.count("prices", "updated" if changed else "unchanged")


def load(session: Session, context: Context, rows: list[Row], report: Report) -> None:
    """Record or change item and price of every good row; put what is wrong into the report."""
    with session.no_autoflush:
        loader = Loader(session, context, rows, report)
        for row in rows:
            try:
                loader.load(row)
            except BadCell as error:
                report.refuse(row.number, error.column, error.detail)


def dump(session: Session) -> list[dict[str, Any]]:
    """Every item as a row for each of its prices, by SKU."""
    query = (
        select(Item, VendorPrice, Vendor.code)
        .outerjoin(VendorPrice, VendorPrice.item_id == Item.id)
        .outerjoin(Vendor, Vendor.id == VendorPrice.vendor_id)
        .order_by(Item.sku, Vendor.code, VendorPrice.unit, VendorPrice.starts_on)
    )
    return [_row(item, price, code) for item, price, code in session.execute(query)]


def _row(item: Item, price: VendorPrice | None, vendor_code: str | None) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in ITEM_COLUMNS}
    if price is None:
        return row
    return row | {
        "vendor_code": vendor_code,
        "vendor_sku": price.vendor_sku,
        "price_unit": price.unit,
        "price": price.price,
        "price_from": price.starts_on,
        "price_to": price.ends_on,
    }


def _facts(row: Row) -> ItemFacts:
    sku = row.required("sku", longest=40)
    if not SKU.fullmatch(sku):
        raise BadCell("sku", "Letters, digits, dot, dash, slash; at most 40.")
    chain = row.required("unit_chain")
    _fits("unit_chain", rules.unit_chain, chain)
    return ItemFacts(
        sku=sku,
        name=row.required("name"),
        item_class=row.choice("item_class", ItemClass),
        unit_chain=chain,
        description=row.text("description", longest=1000),
        gtin=_fits("gtin", rules.gtin, row.text("gtin", longest=14)),
        manufacturer=row.text("manufacturer"),
        lot_tracked=row.flag("lot_tracked"),
        storage=row.choice("storage", Storage, Storage.AMBIENT),
    )


def _fits(column: str, rule: Any, value: str | None) -> Any:
    try:
        return rule(value)
    except Invalid as error:
        raise BadCell(column, f"{error.title}. {error.detail}".strip()) from error


def _price(row: Row) -> PriceFacts | None:
    if not any(row.cells.get(column) for column in PRICE_COLUMNS):
        return None
    starts_on, ends_on = row.day("price_from"), row.day("price_to")
    if starts_on is None:
        raise BadCell("price_from", "It is missing.")
    if ends_on and ends_on < starts_on:
        raise BadCell("price_to", "It comes before price_from.")
    return PriceFacts(
        vendor_code=row.required("vendor_code"),
        vendor_sku=row.text("vendor_sku", longest=60),
        unit=row.required("price_unit"),
        price=row.price("price"),
        starts_on=starts_on,
        ends_on=ends_on,
    )


def _key(price: VendorPrice) -> tuple[UUID, UUID, str, date]:
    return price.item_id, price.vendor_id, price.unit, price.starts_on


def _prices(items: dict[str, Item]) -> Any:
    return select(VendorPrice).where(VendorPrice.item_id.in_([item.id for item in items.values()]))


def _gtins() -> Any:
    return select(Item.gtin, Item.sku).where(Item.gtin.is_not(None))
