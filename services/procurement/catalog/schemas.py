"""Items and prices in JSON."""

from typing import Any

from marshmallow import fields, validate

from services.procurement.catalog.models import ItemStatus
from services.procurement.catalog.rules import ItemClass, Storage, unit_chain
from shared.web.fields import Day, Flag, Id, PageQuery, Pattern, Price, Schema, Text

CLASSES = validate.OneOf([str(kind) for kind in ItemClass])
STATUSES = validate.OneOf([str(status) for status in ItemStatus])
SKU = Pattern(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$", error="Letters, digits, dot, dash, slash; at most 40.")


class ItemIn(Schema):
    sku = fields.String(required=True, validate=SKU)
    name = Text(required=True)
    description = Text(load_default=None, allow_none=True, max=1000)
    item_class = fields.String(required=True, validate=CLASSES)
    unit_chain = Text(required=True, metadata={"example": "box > 10 vial > 100 unit"})
    gtin = Text(load_default=None, allow_none=True, max=14)
    manufacturer = Text(load_default=None, allow_none=True)
    lot_tracked = Flag(load_default=False)
    storage = fields.String(
        load_default=str(Storage.AMBIENT), validate=validate.OneOf([str(storage) for storage in Storage])
    )


class ItemChangeIn(ItemIn):
    status = fields.String(load_default=None, validate=STATUSES)


class ItemOut(ItemIn):
    id = Id()
    status = fields.String()
    units = fields.Method(
        "_units",
        metadata={
            "type": "array",
            "items": {"type": "object"},
            "description": "Each unit and how many base units it holds, a number or an exact fraction.",
        },
    )
    version = fields.Integer()

    def _units(self, item: Any) -> list[dict[str, str]]:
        chain = unit_chain(item.unit_chain)
        return [{"name": name, "in_base": str(chain.ratio(name))} for name in chain.names]


class ItemQuery(PageQuery):
    search = Text(load_default=None, max=100)
    item_class = fields.String(load_default=None, validate=CLASSES)
    status = fields.String(load_default=None, validate=STATUSES)
    gtin = Text(load_default=None, max=14)


class PriceIn(Schema):
    vendor_id = Id(required=True)
    vendor_sku = Text(load_default=None, allow_none=True, max=60)
    unit = Text(required=True, max=30)
    price = Price(required=True)
    starts_on = Day(required=True)
    ends_on = Day(load_default=None, allow_none=True)


class PriceOut(PriceIn):
    id = Id()
    item_id = Id()
