"""The trail and the register as JSON."""

from marshmallow import fields, validate

from shared.web.fields import Id, Instant, PageQuery, Schema, Text, page_of


class VerificationSchema(Schema):
    """What a walk along the chain found."""

    organization_id = Id()
    entries = fields.Integer(metadata={"description": "How many entries are sound, from the first on"})
    head = fields.String(metadata={"description": "Hash of the last sound entry, hexadecimal"})
    sound = fields.Boolean()
    position = fields.Integer(allow_none=True, metadata={"description": "The first bad position"})
    event_id = Id(allow_none=True)
    fault = fields.String(allow_none=True)


class DayHeadSchema(Schema):
    """The chain's head at the end of a day (UTC)."""

    organization_id = Id()
    day = fields.Date()
    position = fields.Integer()
    hash = fields.String()
    event_id = Id()
    recorded_at = Instant()


class RegisteredDecisionSchema(Schema):
    """A reserved decision of any service."""

    id = Id()
    service = fields.String()
    decision = fields.String()
    outcome = fields.String()
    legal_entity_id = Id()
    subject_type = fields.String()
    subject_id = Id()
    summary = fields.String()
    decided_by = Id()
    decided_by_name = fields.String()
    decider_role = fields.String()
    licence = fields.String(allow_none=True)
    proposed_by = Id(allow_none=True)
    rule_version = fields.String()
    sources = fields.List(fields.String())
    before = fields.Dict(allow_none=True)
    after = fields.Dict(allow_none=True)
    decided_at = Instant()
    revokes = Id(allow_none=True)


RegisteredDecisionPage = page_of(RegisteredDecisionSchema)


class RegisterQuery(PageQuery):
    """Which reserved decisions."""

    decision = Text(load_default=None)
    outcome = fields.String(load_default=None, validate=validate.OneOf(["approved", "refused", "revoked"]))
