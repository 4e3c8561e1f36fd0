"""Vendors' bills in JSON."""

from decimal import Decimal

from marshmallow import fields, validate

from services.procurement.payables.models import BillStatus
from shared.web.fields import Day, Id, Instant, Money, PageQuery, Price, Quantity, Schema, Text

ZERO = Decimal("0.00")


class BilledLineIn(Schema):
    order_line_id = Id(required=True)
    quantity = Quantity(required=True, above=0, metadata={"description": "In the order line's unit."})
    unit_price = Price(required=True)


class BilledIn(Schema):
    number = Text(required=True, max=60, metadata={"description": "The vendor's number of the bill."})
    billed_on = Day(required=True)
    due_on = Day(load_default=None, allow_none=True)
    freight = Money(load_default=ZERO, dump_default=ZERO)
    tax = Money(load_default=ZERO, dump_default=ZERO)
    total = Money(required=True)
    lines = fields.List(fields.Nested(BilledLineIn), required=True, validate=validate.Length(1, 200))


class BillIn(BilledIn):
    order_id = Id(required=True)


class ReleaseIn(Schema):
    reason = Text(required=True, max=1000)


class HoldOut(Schema):
    code = fields.String()
    pointer = fields.String()
    detail = fields.String()


class BillLineOut(Schema):
    id = Id()
    position = fields.Integer()
    order_line_id = Id()
    quantity = Quantity()
    unit_price = Price()
    amount = Money()


class BillSummary(Schema):
    id = Id()
    location_id = Id()
    legal_entity_id = Id()
    vendor_id = Id()
    vendor_name = fields.String()
    number = fields.String()
    revision = fields.Integer()
    order_id = Id()
    order_number = fields.String()
    billed_on = Day()
    due_on = Day()
    freight = Money()
    tax = Money()
    total = Money()
    accrued = Money(allow_none=True)
    status = fields.String()
    holds = fields.List(fields.Nested(HoldOut))
    released_by = Id(allow_none=True)
    release_reason = fields.String(allow_none=True)
    entered_by = Id()
    entered_at = Instant()
    approved_by = Id(allow_none=True)
    approved_by_name = fields.String(allow_none=True)
    approved_at = Instant(allow_none=True)
    version = fields.Integer()


class BillOut(BillSummary):
    lines = fields.List(fields.Nested(BillLineOut))


class BillQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([str(status) for status in BillStatus]))
    order_id = Id(load_default=None)


class BillVersionOut(Schema):
    id = Id()
    bill_id = Id()
    revision = fields.Integer()
    number = fields.String()
    total = Money()
    holds = fields.List(fields.Nested(HoldOut))
    document = fields.Dict()
    replaced_by = Id()
    replaced_at = Instant()
