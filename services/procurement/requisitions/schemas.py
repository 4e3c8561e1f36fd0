"""Requisitions in JSON."""

from marshmallow import fields, validate

from services.procurement.requisitions.models import Status
from shared.web.fields import Day, Flag, Id, Instant, Money, PageQuery, Price, Quantity, Schema, Text


class NeedIn(Schema):
    item_id = Id(required=True)
    quantity = Quantity(required=True, above=0)
    unit = Text(required=True, max=30)
    vendor_id = Id(load_default=None, allow_none=True)


class DraftIn(Schema):
    lines = fields.List(fields.Nested(NeedIn), required=True, validate=validate.Length(1, 200))
    need_by = Day(load_default=None, allow_none=True)
    note = Text(load_default=None, allow_none=True, max=1000)


class RequisitionIn(DraftIn):
    submit = Flag(
        load_default=False,
        metadata={"description": "Ask for approval at once, instead of keeping a draft."},
    )


class RejectionIn(Schema):
    reason = Text(required=True, max=1000)


class LineOut(Schema):
    id = Id()
    position = fields.Integer()
    item_id = Id()
    sku = fields.String()
    item_name = fields.String()
    item_class = fields.String()
    vendor_id = Id()
    vendor_sku = fields.String(allow_none=True)
    quantity = Quantity()
    unit = fields.String()
    base_quantity = Quantity()
    unit_price = Price()
    amount = Money()


class RequisitionSummary(Schema):
    id = Id()
    number = fields.String()
    location_id = Id()
    legal_entity_id = Id()
    status = fields.String()
    requester_id = Id()
    requester_name = fields.String()
    need_by = Day(allow_none=True)
    note = fields.String(allow_none=True)
    total = Money()
    drafted_at = Instant()
    submitted_at = Instant(allow_none=True)
    decided_by = Id(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)
    decision_reason = fields.String(allow_none=True)
    version = fields.Integer()


class RequisitionOut(RequisitionSummary):
    lines = fields.List(fields.Nested(LineOut))


class RequisitionQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([str(status) for status in Status]))
