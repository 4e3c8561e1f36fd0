"""Employments over HTTP."""

from marshmallow import fields, validate

from services.hr.employments.models import EmploymentStatus
from services.hr.positions.rules import Exposure, Position
from shared.web.fields import Id, Instant, PageQuery, Schema, Text


def _exposures(**options: object) -> fields.List[str]:
    return fields.List(fields.String(validate=validate.OneOf(list(Exposure))), **options)  # type: ignore[arg-type]


class EmploymentIn(Schema):
    """`position` and `exposures` decide what licence and training the rules ask for."""

    person_id = Id(required=True)
    position = fields.String(required=True, validate=validate.OneOf(list(Position)))
    exposures = _exposures(load_default=list)
    location_ids = fields.List(Id(), load_default=list, validate=validate.Length(max=200))
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
    person_id = Id(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(list(EmploymentStatus)))


class EmploymentOut(Schema):
    id = Id()
    person_id = Id()
    legal_entity_id = Id()
    employer_kind = fields.String()
    position = fields.String()
    clinical = fields.Boolean()
    exposures = fields.List(fields.String())
    location_ids = fields.List(Id())
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    status = fields.String()
    reason = fields.String(allow_none=True)
    flags = fields.List(fields.String())
    sources = fields.List(fields.String())
    rule_version = fields.String(allow_none=True)
    deciding_entity_id = Id(allow_none=True)
    proposed_by = Id()
    proposed_at = Instant()
    decided_at = Instant(allow_none=True)


class AssignedTrainingOut(Schema):
    """What was newly assigned."""

    id = Id()
    requirement = fields.String()
    title = fields.String()
    due_on = fields.Date(allow_none=True)


class AssignedOut(Schema):
    items = fields.List(fields.Nested(AssignedTrainingOut))
