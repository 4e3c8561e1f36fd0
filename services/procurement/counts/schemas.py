"""Counts in JSON."""

from shared.web.fields import Day, Id, Price, Quantity, Schema, Text


class CountIn(Schema):
    item_id = Id(required=True)
    counted = Quantity(required=True, metadata={"description": "In base units."})
    lot = Text(load_default=None, allow_none=True, max=40)
    expires_on = Day(load_default=None, allow_none=True)
    unit_cost = Price(load_default=None, allow_none=True)
    note = Text(load_default=None, allow_none=True, max=500)
