"""Patient accounts in JSON. Answers to writes carry no patient data: they are stored with idempotency keys."""

from marshmallow import fields

from services.billing.accounts.models import Purpose
from shared.web.fields import Id, PageQuery, Pattern, Schema, Text

SOURCE_SYSTEM = Pattern(r"^[a-z0-9][a-z0-9._-]{0,49}$", error="Lower-case letters, digits, dots and dashes.")


def purpose() -> fields.Enum[Purpose]:
    """The purpose every look at patient data must name."""
    return fields.Enum(Purpose, by_value=True, required=True)


class PurposeQuery(Schema):
    purpose = purpose()


class AccountQuery(PageQuery):
    purpose = purpose()


class AccountIn(Schema):
    source_system = fields.String(required=True, validate=SOURCE_SYSTEM)
    external_id = Text(required=True, max=100)
    name = Text(required=True, max=200)
    email = Text(load_default=None, allow_none=True, max=200)
    phone = Text(load_default=None, allow_none=True, max=50)
    address = Text(load_default=None, allow_none=True, max=500)
    payer_name = Text(load_default=None, allow_none=True, max=200)
    payer_member_id = Text(load_default=None, allow_none=True, max=100)


class AccountChange(Schema):
    name = Text(max=200)
    email = Text(allow_none=True, max=200)
    phone = Text(allow_none=True, max=50)
    address = Text(allow_none=True, max=500)
    payer_name = Text(allow_none=True, max=200)
    payer_member_id = Text(allow_none=True, max=100)


class AccountLookup(Schema):
    source_system = fields.String(required=True, validate=SOURCE_SYSTEM)
    external_id = Text(required=True, max=100)
    purpose = purpose()


class AccountRef(Schema):
    id = Id()
    number = fields.String()
    location_id = Id()
    legal_entity_id = Id()


class AccountListed(Schema):
    id = Id()
    number = fields.String()
    location_id = Id()
    name = fields.String(metadata={"description": "Masked on the business plane."})


class PatientOut(Schema):
    external_id = fields.String()
    name = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    payer_name = fields.String(allow_none=True)
    payer_member_id = fields.String(allow_none=True)


class AccountOut(PatientOut):
    id = Id()
    number = fields.String()
    location_id = Id()
    legal_entity_id = Id()
    source_system = fields.String()
