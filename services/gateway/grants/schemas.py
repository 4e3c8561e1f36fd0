"""Grants, in and out."""

from marshmallow import fields, validate

from services.gateway.roles import ROLES, SCOPE_KINDS
from shared.web.fields import Id, Instant, Money, PageQuery, Schema, Text


class _TermIn(Schema):
    user_id = Id(required=True)
    role = fields.String(required=True, validate=validate.OneOf(list(ROLES)))
    starts_on = fields.Date(load_default=None)
    ends_on = fields.Date(load_default=None)


class GrantIn(_TermIn):
    """A role over a scope; `scope_id` stays away for the whole organization. Starts today unless it says otherwise."""

    scope_kind = fields.String(required=True, validate=validate.OneOf(SCOPE_KINDS))
    scope_id = Id(load_default=None)
    approval_limit = Money(load_default=None)


class ClinicalGrantIn(_TermIn):
    """A clinical role over the entity or one of its locations."""

    scope_kind = fields.String(required=True, validate=validate.OneOf(("legal_entity", "location")))
    scope_id = Id(required=True)
    licence = Text(load_default=None, max=80)


class AppointmentIn(_TermIn):
    """An office of the clinical entity."""

    licence = Text(load_default=None, max=80)


class GrantQuery(PageQuery):
    """Filters of the list."""

    user_id = Id(load_default=None)
    role = fields.String(load_default=None, validate=validate.OneOf(list(ROLES)))


class GrantOut(Schema):
    """A grant."""

    id = Id()
    user_id = Id()
    role = fields.String()
    scope_kind = fields.String()
    scope_id = Id(allow_none=True)
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    approval_limit = Money(allow_none=True)
    licence = fields.String(allow_none=True)
    given_by = Id(allow_none=True)
    given_at = Instant()
    revoked_by = Id(allow_none=True)
    revoked_at = Instant(allow_none=True)
