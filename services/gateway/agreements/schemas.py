"""Agreements, in and out."""

from marshmallow import ValidationError, fields, validate

from services.gateway.agreements.models import SERVICES, AgreementStatus
from shared.web.fields import Id, Instant, PageQuery, Schema


def _no_repeats(values: list[object]) -> None:
    if len(set(values)) != len(values):
        raise ValidationError("Each only once.")


class AgreementIn(Schema):
    """A draft: the parties, the locations, what the MSO does there, and from when to when."""

    mso_id = Id(required=True)
    legal_entity_id = Id(required=True)
    location_ids = fields.List(Id(), required=True, validate=[validate.Length(min=1, max=500), _no_repeats])
    services = fields.List(
        fields.String(validate=validate.OneOf(SERVICES)), required=True, validate=[validate.Length(min=1), _no_repeats]
    )
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(load_default=None, allow_none=True)


class SignatureIn(Schema):
    """`signed_on` is the day on the paper, today unless it says otherwise."""

    signed_on = fields.Date(load_default=None, allow_none=True)


class EndIn(Schema):
    """The last day in force, today unless it says otherwise."""

    ends_on = fields.Date(load_default=None, allow_none=True)


class AgreementQuery(PageQuery):
    """Filters of the list."""

    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in AgreementStatus]))
    location_id = Id(load_default=None)


class AgreementOut(Schema):
    """A management services agreement. `legal_entity_id` is the clinical entity."""

    id = Id()
    mso_id = Id()
    legal_entity_id = Id()
    location_ids = fields.List(Id())
    services = fields.List(fields.String())
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    status = fields.String()
    drafted_by = Id()
    drafted_at = Instant()
    signed_on = fields.Date(allow_none=True)
    signed_by = Id(allow_none=True)
