"""Site assignments over HTTP."""

from marshmallow import fields

from shared.web.fields import PageQuery, Schema


class AssignmentIn(Schema):
    location_id = fields.UUID(required=True)
    starts_on = fields.Date(required=True)


class AssignmentsQuery(PageQuery):
    person_id = fields.UUID(load_default=None)


class LastDayIn(Schema):
    ends_on = fields.Date(required=True)


class AssignmentOut(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    employment_id = fields.UUID()
    location_id = fields.UUID()
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
