"""Employments over HTTP."""

from marshmallow import fields, validate

from services.hr.employments.models import EmploymentStatus
from services.hr.positions.rules import Exposure, Position
from shared.web.fields import Instant, PageQuery, Schema, Text


def _exposures(**options: object) -> fields.List[str]:
    return fields.List(fields.String(validate=validate.OneOf(list(Exposure))), **options)  # type: ignore[arg-type]


class EmploymentIn(Schema):
    """`position` and `exposures` decide what licence and training the rules ask for."""

    person_id = fields.UUID(required=True)
    position = fields.String(required=True, validate=validate.OneOf(list(Position)))
    exposures = _exposures(load_default=list)
    location_ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=200))
    starts_on = fields.Date(required=True)


class ExposuresIn(Schema):
    exposures = _exposures(required=True)


class SelectionIn(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["approved", "refused"]))
    reason = Text(max=1000, required=True)


class EndIn(Schema):
    ends_on = fields.Date(required=True)
    reason = Text(max=1000, required=True)


class EmploymentsQuery(PageQuery):
    person_id = fields.UUID(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(list(EmploymentStatus)))


class EmploymentOut(Schema):
    id = fields.UUID()
    person_id = fields.UUID()
    legal_entity_id = fields.UUID()
    employer_kind = fields.String()
    position = fields.String()
    clinical = fields.Boolean()
    exposures = fields.List(fields.String())
    location_ids = fields.List(fields.UUID())
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    status = fields.String()
    reason = fields.String(allow_none=True)
    flags = fields.List(fields.String())
    sources = fields.List(fields.String())
    rule_version = fields.String(allow_none=True)
    deciding_entity_id = fields.UUID(allow_none=True)
    proposed_by = fields.UUID()
    proposed_at = Instant()
    decided_at = Instant(allow_none=True)


class AssignedTrainingOut(Schema):
    """What was newly assigned."""

    id = fields.UUID()
    requirement = fields.String()
    title = fields.String()
    due_on = fields.Date(allow_none=True)


class AssignedOut(Schema):
    items = fields.List(fields.Nested(AssignedTrainingOut))
