"""Credit notes in JSON."""

from marshmallow import fields, validate

from services.billing.credit_notes.models import CreditReason
from shared.web.fields import Flag, Id, Money, PageQuery, Schema


class CreditLineIn(Schema):
    line_id = Id(required=True)
    amount = Money(required=True, above=0, metadata={"description": "Before tax; the tax follows."})


class CreditNoteIn(Schema):
    invoice_id = Id(required=True)
    reason = fields.String(required=True, validate=validate.OneOf([reason.value for reason in CreditReason]))
    lines = fields.List(
        fields.Nested(CreditLineIn),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "None: all that is left of the invoice."},
    )
    rebill = Flag(load_default=False)


class CreditNoteOut(Schema):
    id = Id()
    number = fields.String()
    invoice_id = Id()
    location_id = Id()
    legal_entity_id = Id()
    issued_on = fields.Date()
    issued_by = Id()
    reason = fields.String()
    rebill = fields.Boolean()
    subtotal = Money()
    tax = Money()
    total = Money()


class CreditNoteLineOut(Schema):
    invoice_line_id = Id()
    item_class = fields.String()
    amount = Money()
    tax = Money()


class CreditNoteDetail(CreditNoteOut):
    lines = fields.List(fields.Nested(CreditNoteLineOut))


class CreditNoteQuery(PageQuery):
    invoice_id = Id(load_default=None)
