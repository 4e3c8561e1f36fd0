"""Clearances of dual roles over HTTP."""

from shared.web.fields import Flag, Id, Instant, Schema, Text


class ClearanceIn(Schema):
    person_id = Id(required=True)
    cleared = Flag(required=True)
    reason = Text(max=1000, required=True)


class ClearanceOut(ClearanceIn):
    id = Id()
    legal_entity_id = Id()
    decided_by = Id()
    decided_at = Instant()
