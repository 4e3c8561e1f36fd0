"""Months of the books in JSON."""

from marshmallow import fields

from services.billing.months import Month
from shared.web.fields import Flag, Id, Instant, Schema, Text


class PeriodOut(Schema):
    id = Id()
    legal_entity_id = Id()
    month = fields.String()
    status = fields.String()
    closed_by = Id(allow_none=True)
    closed_at = Instant(allow_none=True)
    close_note = fields.String(allow_none=True)
    reopened_by = Id(allow_none=True)
    reopened_at = Instant(allow_none=True)
    reopen_reason = fields.String(allow_none=True)


class ClosingIn(Schema):
    accept_warnings = Flag(load_default=False)
    note = Text(load_default=None, allow_none=True, max=500)


class ReopeningIn(Schema):
    reason = Text(required=True, min=5, max=500)


class ChecklistItemOut(Schema):
    id = fields.String()
    severity = fields.String()
    done = fields.Boolean()
    detail = fields.String()


class ChecklistOut(Schema):
    month = Month()
    items = fields.List(fields.Nested(ChecklistItemOut))
