"""Decisions as JSON."""

from marshmallow import fields, validate

from shared.web.fields import Id, Instant, PageQuery, Schema, Text, page_of


class DecisionSchema(Schema):
    """One decision of the door."""

    id = Id()
    decided_at = Instant()
    principal_id = Id()
    principal_kind = fields.String()
    principal_name = fields.String()
    plane = fields.String()
    roles = fields.List(fields.String())
    operation = fields.String()
    address_kind = fields.String()
    address_id = Id(allow_none=True)
    legal_entity_id = Id(allow_none=True)
    outcome = fields.String()
    policy = fields.String()
    reserved = fields.String(allow_none=True)
    data_class = fields.String()
    request_id = fields.String()


DecisionPage = page_of(DecisionSchema)


class DecisionQuery(PageQuery):
    """Which decisions."""

    outcome = fields.String(load_default=None, validate=validate.OneOf(["allow", "deny"]))
    operation = Text(load_default=None)
    policy = Text(load_default=None)
    principal_id = Id(load_default=None)
    since = Instant(load_default=None)
    until = Instant(load_default=None)
