"""Vendors in JSON."""

from marshmallow import fields, validate

from services.procurement.vendors.models import VendorStatus
from shared.web.fields import Id, Instant, PageQuery, Pattern, Schema, Text

CODE = Pattern(r"^[A-Z0-9][A-Z0-9._-]{0,31}$", error="Capital letters, digits, dot, dash; at most 32.")
STATUSES = validate.OneOf([str(status) for status in VendorStatus])


class VendorIn(Schema):
    code = fields.String(required=True, validate=CODE)
    name = Text(required=True)
    email = fields.Email(load_default=None, allow_none=True)
    phone = Text(load_default=None, allow_none=True, max=40)
    street = Text(load_default=None, allow_none=True)
    locality = Text(load_default=None, allow_none=True)
    state = Text(load_default=None, allow_none=True, min=2, max=2)
    postal_code = Text(load_default=None, allow_none=True, max=10)
    terms_days = fields.Integer(load_default=30, strict=True, validate=validate.Range(0, 365))
    tax_id = Text(load_default=None, allow_none=True, max=20)


class VendorChangeIn(VendorIn):
    status = fields.String(load_default=None, validate=STATUSES)


class VendorOut(VendorIn):
    id = Id()
    status = fields.String()
    bank_account_name = fields.String(allow_none=True)
    bank_account_ending = fields.String(allow_none=True)
    version = fields.Integer()


class VendorQuery(PageQuery):
    status = fields.String(load_default=None, validate=STATUSES)


class BankChangeIn(Schema):
    account_name = Text(required=True)
    routing_number = fields.String(required=True, validate=Pattern(r"^[0-9]{9}$"))
    account_number = fields.String(required=True, validate=Pattern(r"^[0-9]{4,17}$"))
    reason = Text(required=True)


class BankChangeOut(Schema):
    id = Id()
    vendor_id = Id()
    account_name = fields.String()
    routing_number = fields.String()
    account_ending = fields.String()
    reason = fields.String()
    status = fields.String()
    proposed_by = Id()
    proposed_at = Instant()
    decided_by = Id(allow_none=True)
    decided_at = Instant(allow_none=True)
