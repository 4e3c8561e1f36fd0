"""Receipts in JSON."""

from marshmallow import fields, validate

from shared.web.fields import Day, Id, Instant, Money, PageQuery, Quantity, Schema, Text


class DeliveredIn(Schema):
    order_line_id = Id(required=True)
    quantity = Quantity(required=True, above=0, metadata={"description": "In the order line's unit."})
    lot = Text(load_default=None, allow_none=True, max=40)
    expires_on = Day(load_default=None, allow_none=True)
    scan = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(8, 200),
        metadata={"description": "A scanned GS1 element string; fills lot and expiry."},
    )


class DeliveryIn(Schema):
    packing_slip = Text(required=True, max=60)
    received_on = Day(load_default=None, allow_none=True)
    lines = fields.List(fields.Nested(DeliveredIn), required=True, validate=validate.Length(1, 200))


class ReceiptLineOut(Schema):
    id = Id()
    position = fields.Integer()
    order_line_id = Id()
    item_id = Id()
    sku = fields.String()
    item_name = fields.String()
    item_class = fields.String()
    quantity = Quantity()
    unit = fields.String()
    base_quantity = Quantity()
    lot = fields.String()
    expires_on = Day(allow_none=True)
    amount = Money()


class ReceiptSummary(Schema):
    id = Id()
    number = fields.String()
    location_id = Id()
    legal_entity_id = Id()
    order_id = Id()
    order_number = fields.String()
    vendor_id = Id()
    vendor_name = fields.String()
    packing_slip = fields.String()
    received_on = Day()
    received_by = Id()
    received_by_name = fields.String()
    amount = Money()
    posted_at = Instant()


class ReceiptOut(ReceiptSummary):
    lines = fields.List(fields.Nested(ReceiptLineOut))


class ReceiptQuery(PageQuery):
    order_id = Id(load_default=None)
