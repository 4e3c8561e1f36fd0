"""Training over HTTP."""

from typing import Any

from marshmallow import fields, validate

from services.hr.positions.rules import Exposure, Position
from shared.clock import today
from shared.web.fields import Id, PageQuery, Pattern, Quantity, Schema, Text


class TrainingQuery(PageQuery):
    person_id = Id(load_default=None)


class AssignedQuery(TrainingQuery):
    """`due_before`: only what is due before that day and not proven for it."""

    due_before = fields.Date(load_default=None)


class WorkQuery(Schema):
    position = fields.String(required=True, validate=validate.OneOf(list(Position)))
    state = fields.String(required=True, validate=Pattern("^[A-Z]{2}$"))
    locality = Text(load_default=None)
    exposures = fields.List(fields.String(validate=validate.OneOf(list(Exposure))), load_default=list)


class RequirementOut(Schema):
    """`certain` is false where the rule's words on time could not be read; `first_due_on` is null where it waits for
    something (an exposure, a licence's renewal)."""

    requirement = fields.String(attribute="rule.key")
    title = fields.String(attribute="rule.body.title")
    force = fields.String(attribute="rule.body.force")
    citation = fields.String(attribute="rule.body.citation")
    source = fields.String(attribute="rule.body.source", dump_default=None, allow_none=True)
    threshold = fields.String(attribute="rule.body.threshold", dump_default=None, allow_none=True)
    initial = fields.Raw(attribute="rule.body.frequency.initial", allow_none=True)
    recurring = fields.Raw(attribute="rule.body.frequency.recurring", allow_none=True)
    first_due_on = fields.Date(attribute="due.on", allow_none=True)
    certain = fields.Boolean(attribute="due.certain")
    dataset_version = fields.String(attribute="rule.dataset_version")


class RequirementsOut(Schema):
    items = fields.List(fields.Nested(RequirementOut))


class CompletionIn(Schema):
    completed_on = fields.Date(required=True)
    hours = Quantity(above=0, load_default=None, allow_none=True)
    provider = Text(required=True)
    trainer = Text(load_default=None, allow_none=True)


class CompletionOut(Schema):
    id = Id()
    person_id = Id()
    requirement = fields.String()
    completed_on = fields.Date()
    hours = Quantity(allow_none=True)
    provider = fields.String()
    trainer = fields.String(allow_none=True)
    certificate = fields.String()
    valid_until = fields.Date(allow_none=True)
    dataset_version = fields.String()
    signed_off_by = Id(allow_none=True)


class TrainingOut(Schema):
    """An assignment with its newest proof; `basis` is the rule's own wording of when it is due."""

    id = Id(attribute="assignment.id")
    person_id = Id(attribute="assignment.person_id")
    requirement = fields.String(attribute="assignment.requirement")
    title = fields.String(attribute="assignment.title")
    force = fields.String(attribute="assignment.force")
    citation = fields.String(attribute="assignment.citation")
    source = fields.String(attribute="assignment.source", allow_none=True)
    basis = fields.String(attribute="assignment.basis")
    certain = fields.Boolean(attribute="assignment.certain")
    assigned_on = fields.Date(attribute="assignment.assigned_on")
    due_on = fields.Date(attribute="assignment.due_on", allow_none=True)
    hours = Quantity(attribute="assignment.hours", allow_none=True)
    hands_on = fields.Boolean(attribute="assignment.hands_on")
    dataset_version = fields.String(attribute="assignment.dataset_version")
    status = fields.Method("_status")
    proof = fields.Nested(CompletionOut, allow_none=True)

    def _status(self, standing: Any) -> str:
        return str(standing.status_on(today()))
