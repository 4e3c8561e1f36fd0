"""Purchase orders in JSON."""

from marshmallow import fields, validate

from services.procurement.orders.models import OrderStatus
from shared.web.fields import Day, Id, Instant, Money, PageQuery, Price, Quantity, Schema, Text


class OrderLineOut(Schema):
    id = Id()
    position = fields.Integer()
    item_id = Id()
    sku = fields.String()
    item_name = fields.String()
    item_class = fields.String()
    vendor_sku = fields.String(allow_none=True)
    quantity = Quantity()
    unit = fields.String()
    base_quantity = Quantity()
    received = Quantity(metadata={"description": "Base units that arrived."})
    unit_price = Price()
    amount = Money()


class OrderSummary(Schema):
    id = Id()
    number = fields.String()
    revision = fields.Integer()
    location_id = Id()
    legal_entity_id = Id()
    buyer_name = fields.String()
    requisition_id = Id()
    vendor_id = Id()
    vendor_name = fields.String()
    status = fields.String()
    ordered_on = Day()
    need_by = Day(allow_none=True)
    total = Money()
    placed_at = Instant()
    closed_reason = fields.String(allow_none=True)
    version = fields.Integer()


class OrderOut(OrderSummary):
    lines = fields.List(fields.Nested(OrderLineOut))


class OrderQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([str(status) for status in OrderStatus]))
    requisition_id = Id(load_default=None)


class RevisedLineIn(Schema):
    order_line_id = Id(required=True)
    quantity = Quantity(load_default=None, above=0)
    unit_price = Price(load_default=None)


class RevisionIn(Schema):
    reason = Text(required=True, max=1000)
    lines = fields.List(fields.Nested(RevisedLineIn), required=True, validate=validate.Length(1, 200))


class ReasonIn(Schema):
    reason = Text(required=True, max=1000)


class VersionOut(Schema):
    id = Id()
    order_id = Id()
    revision = fields.Integer()
    total = Money()
    lines = fields.List(fields.Dict())
    replaced_by = Id()
    replaced_by_name = fields.String()
    replaced_at = Instant()
    reason = fields.String()
