"""Locations, in and out."""

from itertools import pairwise
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.gateway.legal_entities.schemas import state_field, zone_field
from services.gateway.locations.models import LocationStatus
from shared.web.fields import Id, PageQuery, Pattern, Schema, Text

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STATUSES = [status.value for status in LocationStatus]
_CODE = Pattern(r"^[A-Z0-9][A-Z0-9-]{1,19}$", error="Two to twenty capital letters, digits and hyphens.")
_TIME = Pattern(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", error="A time of day, HH:MM.")


def _in_order(spans: list[dict[str, str]]) -> None:
    edges = [edge for span in spans for edge in (span["opens"], span["closes"])]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValidationError("Each span closes after it opens, and the next opens after that.")


class OpeningIn(Schema):
    """A span of a day, site time."""

    opens = fields.String(required=True, validate=_TIME)
    closes = fields.String(required=True, validate=_TIME)


def _hours(**kwargs: Any) -> fields.Dict:
    """`{"mon": [{"opens": "09:00", "closes": "17:00"}]}`; a day that is left out is closed."""
    spans = fields.List(fields.Nested(OpeningIn), validate=[validate.Length(max=4), _in_order])
    return fields.Dict(keys=fields.String(validate=validate.OneOf(DAYS)), values=spans, **kwargs)


class LocationIn(Schema):
    """A location and the clinical entity that practises there."""

    code = fields.String(required=True, validate=_CODE)
    name = Text(required=True, max=120)
    state = state_field(required=True)
    locality = Text(load_default=None, max=120, allow_none=True)
    time_zone = zone_field(required=True)
    legal_entity_id = Id(required=True)
    region_id = Id(load_default=None, allow_none=True)
    opening_hours = _hours(load_default=dict)
    status = fields.String(load_default="open", validate=validate.OneOf(("planned", "open")))


class LocationChangeIn(Schema):
    """What is to change; the rest stays."""

    name = Text(max=120)
    locality = Text(max=120, allow_none=True)
    region_id = Id(allow_none=True)
    opening_hours = _hours()
    status = fields.String(validate=validate.OneOf(_STATUSES))


class LocationQuery(PageQuery):
    """Filters of the list."""

    status = fields.String(load_default=None, validate=validate.OneOf(_STATUSES))


class LocationOut(Schema):
    """A location."""

    id = Id()
    code = fields.String()
    name = fields.String()
    state = fields.String()
    locality = fields.String(allow_none=True)
    time_zone = fields.String()
    legal_entity_id = Id()
    region_id = Id(allow_none=True)
    opening_hours = _hours()
    status = fields.String()
