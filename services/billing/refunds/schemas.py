"""Refunds in JSON."""

from marshmallow import fields, validate

from services.billing.refunds.models import RefundReason, RefundStatus
from shared.web.fields import Flag, Id, Instant, Money, PageQuery, Schema


class RefundIn(Schema):
    amount = Money(required=True, above=0)
    reason = fields.String(required=True, validate=validate.OneOf([reason.value for reason in RefundReason]))


class RefundDecisionIn(Schema):
    approved = Flag(required=True)


class RefundOut(Schema):
    id = Id()
    payment_id = Id()
    location_id = Id()
    legal_entity_id = Id()
    method = fields.String()
    amount = Money()
    reason = fields.String()
    status = fields.String()
    requested_by = Id()
    requested_at = Instant()
    decision_id = Id(allow_none=True)
    paid_by = Id(allow_none=True)
    paid_on = fields.Date(allow_none=True)


class RefundQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in RefundStatus]))
