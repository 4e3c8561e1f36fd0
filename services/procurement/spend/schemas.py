"""Spend in JSON."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shared.web.fields import Day, Id, Money, Schema

MOST_MONTHS = 36


class SpendQuery(Schema):
    first = Day(required=True, metadata={"description": "Any day of the first month."})
    last = Day(required=True, metadata={"description": "Any day of the last month."})

    @validates_schema
    def check_months(self, data: dict[str, Any], **_: Any) -> None:
        months = (data["last"].year - data["first"].year) * 12 + data["last"].month - data["first"].month
        if not 0 <= months < MOST_MONTHS:
            raise ValidationError(f"Between one and {MOST_MONTHS} months.", "last")


class SpendOut(Schema):
    location_id = Id()
    month = Day()
    orders = fields.Integer()
    total = Money()


class SpendReport(Schema):
    items = fields.List(fields.Nested(SpendOut))
