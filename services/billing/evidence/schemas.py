"""Evidence in JSON."""

from typing import Any

from marshmallow import fields, validate

from services.billing.evidence.models import Basis, Conclusion
from shared.web.fields import Id, Instant, Pattern, Price, Schema, Text

SERVICES = ("procurement", "hr", "billing", "marketing", "facilities", "it", "bookkeeping")


def fee_model() -> fields.String:
    """The id of a fee model in the rules dataset."""
    return fields.String(required=True, validate=Pattern(r"^fee\.[a-z_]{1,40}$"))


def agreement_services() -> fields.List[Any]:
    """Back-office services in the words of an agreement's scope."""
    return fields.List(
        fields.String(validate=validate.OneOf(SERVICES)), required=True, validate=validate.Length(min=1, max=7)
    )


class OpinionIn(Schema):
    fee_model = fee_model()
    valuator = Text(required=True, max=200)
    valued_on = fields.Date(required=True)
    method = Text(required=True, max=200)
    basis = fields.Enum(Basis, by_value=True, required=True)
    low = Price(required=True)
    mid = Price(required=True)
    high = Price(required=True)
    services_covered = agreement_services()
    expires_on = fields.Date(required=True)
    document = Text(required=True, max=300)


class OpinionOut(Schema):
    id = Id()
    fee_model = fields.String()
    valuator = fields.String()
    valued_on = fields.Date()
    method = fields.String()
    basis = fields.String()
    low = Price()
    mid = Price()
    high = Price()
    services_covered = fields.List(fields.String())
    expires_on = fields.Date()
    document = fields.String()
    recorded_by = Id()
    recorded_at = Instant()


class MemoIn(Schema):
    state = fields.String(required=True, validate=Pattern(r"^[A-Z]{2}$"))
    author = Text(required=True, max=200)
    written_on = fields.Date(required=True)
    fee_model = fee_model()
    conclusion = fields.Enum(Conclusion, by_value=True, required=True)
    conditions = Text(load_default=None, allow_none=True, max=2000)
    expires_on = fields.Date(required=True)
    document = Text(required=True, max=300)


class MemoOut(Schema):
    id = Id()
    state = fields.String()
    author = fields.String()
    written_on = fields.Date()
    fee_model = fields.String()
    conclusion = fields.String()
    conditions = fields.String(allow_none=True)
    expires_on = fields.Date()
    document = fields.String()
    recorded_by = Id()
    recorded_at = Instant()
