"""Payments in JSON."""

from marshmallow import fields, validate

from services.billing.payments.models import Method
from shared.web.fields import Id, Instant, Money, PageQuery, Pattern, Schema

REFERENCE = Pattern(r"^[A-Za-z0-9._#/-]{1,64}$", error="A reference without spaces, 64 characters at most.")


class ShareIn(Schema):
    invoice_id = Id(required=True)
    amount = Money(required=True, above=0)


class AllocationsIn(Schema):
    allocations = fields.List(
        fields.Nested(ShareIn),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=200),
        metadata={"description": "None: the oldest open invoices. An empty list: leave it on account."},
    )


class PaymentIn(AllocationsIn):
    account_id = Id(required=True)
    method = fields.String(required=True, validate=validate.OneOf([method.value for method in Method]))
    amount = Money(required=True, above=0)
    reference = fields.String(
        load_default=None,
        allow_none=True,
        validate=REFERENCE,
        metadata={"description": "The processor's, never a card number and nothing about the patient."},
    )


class PaymentOut(Schema):
    id = Id()
    account_id = Id()
    account_number = fields.String()
    location_id = Id()
    legal_entity_id = Id()
    method = fields.String()
    reference = fields.String(allow_none=True)
    received_on = fields.Date()
    received_by = Id()
    amount = Money()
    unallocated = Money()
    refunded = Money()


class AllocationOut(Schema):
    invoice_id = Id()
    amount = Money(minimum=None)
    refund_id = Id(allow_none=True)
    allocated_at = Instant()


class PaymentDetail(PaymentOut):
    allocations = fields.List(fields.Nested(AllocationOut))


class PaymentQuery(PageQuery):
    received_on = fields.Date(load_default=None)
    account_id = Id(load_default=None)
