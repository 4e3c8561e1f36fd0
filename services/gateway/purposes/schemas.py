"""Purpose grants, in and out."""

from marshmallow import fields, validate

from services.gateway.purposes.models import PurposeStatus
from shared.web.fields import Flag, Id, Instant, PageQuery, Schema, Text


class PurposeIn(Schema):
    """Who is to see patient-level data, what for (no patient is named), and until when."""

    user_id = Id(required=True)
    purpose = Text(required=True, min=5, max=300)
    starts_on = fields.Date(load_default=None, allow_none=True)
    ends_on = fields.Date(required=True)


class PurposeDecisionIn(Schema):
    """The owner's answer."""

    granted = Flag(required=True)


class PurposeQuery(PageQuery):
    """Filters of the list."""

    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in PurposeStatus]))


class PurposeOut(Schema):
    """A purpose grant."""

    id = Id()
    legal_entity_id = Id()
    user_id = Id()
    purpose = fields.String()
    starts_on = fields.Date()
    ends_on = fields.Date()
    status = fields.String()
    proposed_by = Id()
    proposed_at = Instant()
    decided_by = Id(allow_none=True)
    decided_at = Instant(allow_none=True)
