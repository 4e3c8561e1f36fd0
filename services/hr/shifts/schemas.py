"""Shifts over HTTP: times go in as the site's local times, and come out as instants and local times."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.hr.shifts.models import ShiftStatus
from services.hr.shifts.rules import local
from shared.web.fields import Id, Instant, PageQuery, Schema, Text

_LOCAL = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")
_FORMAT = "%Y-%m-%dT%H:%M"
OCCURRENCE = validate.OneOf([1, 2])


class LocalTime(fields.Field[datetime]):
    """A local time without offset, to the minute: `2026-11-01T22:00`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"type": "string", "pattern": _LOCAL.pattern}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if isinstance(value, str) and _LOCAL.fullmatch(value):
            with suppress(ValueError):
                return datetime.fromisoformat(value)
        raise ValidationError("Send a local time like 2026-11-01T22:00.")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.strftime(_FORMAT)


class SpanIn(Schema):
    """`occurrence` 1 or 2 says which of two equal local times is meant when the clocks go back."""

    starts = LocalTime(required=True)
    ends = LocalTime(required=True)
    starts_occurrence = fields.Integer(load_default=None, allow_none=True, strict=True, validate=OCCURRENCE)
    ends_occurrence = fields.Integer(load_default=None, allow_none=True, strict=True, validate=OCCURRENCE)


class ShiftIn(SpanIn):
    employment_id = Id(required=True)


class ReasonIn(Schema):
    reason = Text(max=1000, required=True)


class OverrideIn(ReasonIn):
    item = Text(max=120, required=True)


class OverrideOut(OverrideIn):
    id = Id()
    shift_id = Id()
    decided_by = Id()
    decided_by_name = fields.String()
    decided_at = Instant()


class ShiftsQuery(PageQuery):
    starts_from = fields.AwareDateTime(load_default=None)
    starts_before = fields.AwareDateTime(load_default=None)
    person_id = Id(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(list(ShiftStatus)))


class MissingOut(Schema):
    item = fields.String()
    title = fields.String()
    detail = fields.String()
    source = fields.List(fields.String(), attribute="sources")
    can_be_overridden = fields.Boolean(attribute="waivable")


class ShiftOut(Schema):
    """A shift and whether it stands: with anything in `off_because` (lapsed since) the person does not work it."""

    id = Id(attribute="shift.id")
    location_id = Id(attribute="shift.location_id")
    person_id = Id(attribute="shift.person_id")
    person_name = fields.String(attribute="shift.person_name")
    employment_id = Id(attribute="shift.employment_id")
    position = fields.String(attribute="shift.position")
    clinical = fields.Boolean(attribute="shift.clinical")
    starts_at = Instant(attribute="shift.starts_at")
    ends_at = Instant(attribute="shift.ends_at")
    starts = fields.Method("_starts")
    ends = fields.Method("_ends")
    works_on = fields.Date(attribute="shift.works_on")
    time_zone = fields.String(attribute="shift.time_zone")
    status = fields.String(attribute="shift.status")
    reason = fields.String(attribute="shift.reason", allow_none=True)
    published_by = Id(attribute="shift.published_by", allow_none=True)
    published_at = Instant(attribute="shift.published_at", allow_none=True)
    on_roster = fields.Boolean()
    off_because = fields.List(fields.Nested(MissingOut))

    def _starts(self, entry: Any) -> str:
        return str(local(entry.shift.starts_at, entry.shift.time_zone).isoformat(timespec="minutes"))

    def _ends(self, entry: Any) -> str:
        return str(local(entry.shift.ends_at, entry.shift.time_zone).isoformat(timespec="minutes"))


class ChecksOut(Schema):
    missing = fields.List(fields.Nested(MissingOut))
    overridden = fields.List(fields.Nested(OverrideOut))
    can_be_published = fields.Boolean()
