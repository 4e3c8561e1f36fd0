"""Stock in JSON."""

from typing import Any

from marshmallow import fields

from services.procurement.catalog.rules import unit_chain
from shared.web.fields import Day, Id, Instant, Money, PageQuery, Quantity, Schema, Text


class StockQuery(PageQuery):
    item_id = Id(load_default=None)


class OnHandOut(Schema):
    location_id = Id()
    item_id = Id()
    sku = fields.String()
    name = fields.String()
    item_class = fields.String()
    lot = fields.String(metadata={"description": "Empty for items without lots."})
    expires_on = Day(allow_none=True)
    quantity = Quantity()
    unit = fields.Method("_unit", metadata={"type": "string"})
    value = Money()

    def _unit(self, row: Any) -> str:
        return unit_chain(row.unit_chain).base


class MoveOut(Schema):
    id = Id()
    location_id = Id()
    legal_entity_id = Id()
    item_id = Id()
    lot = fields.String()
    expires_on = Day(allow_none=True)
    quantity = Quantity(minimum=None)
    value = Money(minimum=None)
    reason = fields.String()
    note = fields.String(allow_none=True)
    moved_by = Id()
    witnessed_by = Id(allow_none=True)
    moved_at = Instant()


class MovesOut(Schema):
    moves = fields.List(fields.Nested(MoveOut))


class UsageIn(Schema):
    item_id = Id(required=True)
    quantity = Quantity(required=True, above=0)
    unit = Text(required=True, max=30)
    lot = Text(load_default=None, allow_none=True, max=40)
    note = Text(load_default=None, allow_none=True, max=500)


class WasteIn(UsageIn):
    note = Text(required=True, max=500)
    witnessed_by = Id(load_default=None, allow_none=True)


class PickQuery(Schema):
    item_id = Id(required=True)
    quantity = Quantity(required=True, above=0)
    unit = Text(required=True, max=30)


class PickOut(Schema):
    lot = fields.String(attribute="lot.lot")
    expires_on = Day(attribute="lot.expires_on", allow_none=True)
    quantity = Quantity()


class PicksOut(Schema):
    picks = fields.List(fields.Nested(PickOut))
