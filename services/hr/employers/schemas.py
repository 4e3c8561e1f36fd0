"""Clearances of dual roles over HTTP."""

from marshmallow import fields

from shared.web.fields import Flag, Instant, Schema, Text


class ClearanceIn(Schema):
    person_id = fields.UUID(required=True)
    cleared = Flag(required=True)
    reason = Text(max=1000, required=True)


class ClearanceOut(ClearanceIn):
    id = fields.UUID()
    legal_entity_id = fields.UUID()
    decided_by = fields.UUID()
    decided_at = Instant()
