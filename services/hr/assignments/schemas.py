"""Site assignments over HTTP."""

from marshmallow import fields

from shared.web.fields import Id, PageQuery, Schema


class AssignmentIn(Schema):
    location_id = Id(required=True)
    starts_on = fields.Date(required=True)


class AssignmentsQuery(PageQuery):
    person_id = Id(load_default=None)


class LastDayIn(Schema):
    ends_on = fields.Date(required=True)


class AssignmentOut(Schema):
    id = Id()
    person_id = Id()
    employment_id = Id()
    location_id = Id()
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
