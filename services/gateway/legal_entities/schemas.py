"""Legal entities, in and out; the fields for states and time zones, which locations share."""

from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError, fields, validate

from services.gateway.legal_entities.models import EntityKind
from services.gateway.legal_entities.rules import STATES, is_ein, is_npi
from shared.web.fields import Id, PageQuery, Schema, Text


def state_field(**kwargs: Any) -> fields.String:
    """A state's USPS code."""
    return fields.String(validate=validate.OneOf(sorted(STATES)), **kwargs)


def _zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError("Not a time zone of the IANA database, such as America/New_York.")


def zone_field(**kwargs: Any) -> fields.String:
    """An IANA time zone."""
    return fields.String(validate=_zone, **kwargs)


def _ein(value: str) -> None:
    if not is_ein(value):
        raise ValidationError("Not an employer identification number, such as 12-3456789.")


def _npi(value: str) -> None:
    if not is_npi(value):
        raise ValidationError("Not an NPI: ten digits with a check digit.")


class EntityChangeIn(Schema):
    """What is to change; the rest stays. The kind never changes."""

    name = Text(max=120)
    state = state_field()
    form = Text(max=60)
    time_zone = zone_field()
    ein = fields.String(allow_none=True, validate=_ein)
    npi = fields.String(allow_none=True, validate=_npi)


class EntityIn(Schema):
    """A legal entity: kind, name, state of formation, form ("PC", "PLLC", "LLC"), where its day begins and ends."""

    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in EntityKind]))
    name = Text(required=True, max=120)
    state = state_field(required=True)
    form = Text(required=True, max=60)
    time_zone = zone_field(required=True)
    ein = fields.String(load_default=None, allow_none=True, validate=_ein)
    npi = fields.String(load_default=None, allow_none=True, validate=_npi)


class EntityQuery(PageQuery):
    """Filters of the list."""

    kind = fields.String(load_default=None, validate=validate.OneOf([kind.value for kind in EntityKind]))


class EntityOut(Schema):
    """A legal entity."""

    id = Id()
    kind = fields.String()
    name = fields.String()
    state = fields.String()
    form = fields.String()
    time_zone = fields.String()
    ein = fields.String(allow_none=True)
    npi = fields.String(allow_none=True)
