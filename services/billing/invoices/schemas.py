"""Invoices in JSON: by pseudonym and item class, without a word on the treatment; the statement says it in full."""

from marshmallow import fields, validate

from services.billing.accounts.schemas import PatientOut
from shared.web.fields import Id, Money, PageQuery, Price, Quantity, Schema


class InvoiceIn(Schema):
    account_id = Id(required=True)
    charge_ids = fields.List(
        Id(),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "None: every charge that waits."},
    )


class InvoiceIssue(InvoiceIn):
    terms_days = fields.Integer(load_default=0, strict=True, validate=validate.Range(min=0, max=90))


class PreviewLine(Schema):
    charge_id = Id(attribute="charge.id")
    item_class = fields.String(attribute="charge.item_class")
    quantity = Quantity(attribute="charge.quantity")
    unit_price = Price(attribute="charge.unit_price")
    amount = Money()
    tax_rate = Quantity(attribute="rule.rate")
    tax = Money()


class PreviewOut(Schema):
    lines = fields.List(fields.Nested(PreviewLine))
    subtotal = Money()
    tax = Money()
    total = Money()


class InvoiceOut(Schema):
    id = Id()
    number = fields.String()
    account_id = Id()
    account_number = fields.String()
    location_id = Id()
    legal_entity_id = Id()
    issued_on = fields.Date()
    due_on = fields.Date()
    subtotal = Money()
    tax = Money()
    total = Money()
    open = Money()


class InvoiceLineOut(Schema):
    id = Id()
    position = fields.Integer()
    item_class = fields.String()
    quantity = Quantity()
    unit_price = Price()
    amount = Money()
    tax_rate = Quantity()
    tax = Money()


class InvoiceDetail(InvoiceOut):
    lines = fields.List(fields.Nested(InvoiceLineOut))


class InvoiceQuery(PageQuery):
    account_id = Id(load_default=None)
    only_open = fields.Boolean(load_default=False)


class StatementLine(InvoiceLineOut):
    service_on = fields.Date()
    code = fields.String()


class StatementOut(Schema):
    invoice = fields.Nested(InvoiceOut)
    bill_to = fields.Nested(PatientOut)
    lines = fields.List(fields.Nested(StatementLine))
