"""Credit notes in JSON."""

from marshmallow import fields, validate

from services.billing.credit_notes.models import CreditReason
from shared.web.fields import Flag, Money, PageQuery, Schema


class CreditLineIn(Schema):
    line_id = fields.UUID(required=True)
    amount = Money(required=True, above=0, metadata={"description": "Before tax; the tax follows."})


class CreditNoteIn(Schema):
    invoice_id = fields.UUID(required=True)
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
    id = fields.UUID()
    number = fields.String()
    invoice_id = fields.UUID()
    location_id = fields.UUID()
    legal_entity_id = fields.UUID()
    issued_on = fields.Date()
    issued_by = fields.UUID()
    reason = fields.String()
    rebill = fields.Boolean()
    subtotal = Money()
    tax = Money()
    total = Money()


class CreditNoteLineOut(Schema):
    invoice_line_id = fields.UUID()
    item_class = fields.String()
    amount = Money()
    tax = Money()


class CreditNoteDetail(CreditNoteOut):
    lines = fields.List(fields.Nested(CreditNoteLineOut))


class CreditNoteQuery(PageQuery):
    invoice_id = fields.UUID(load_default=None)
