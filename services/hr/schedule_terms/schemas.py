"""Schedule terms over HTTP."""

from marshmallow import ValidationError, fields, validates_schema

from shared.web.fields import Id, Instant, Quantity, Schema, Text

DAY, WEEK = 24, 168


class TermsIn(Schema):
    """Hours are exact numbers as strings."""

    effective_from = fields.Date(required=True)
    max_shift_hours = Quantity(above=0, required=True)
    max_week_hours = Quantity(above=0, required=True)
    min_rest_hours = Quantity(required=True)
    reason = Text(max=1000, required=True)

    @validates_schema
    def _fit(self, data: dict[str, object], **_: object) -> None:
        for name, top in (("max_shift_hours", DAY), ("min_rest_hours", DAY), ("max_week_hours", WEEK)):
            if data[name] > top:  # type: ignore[operator]
                raise ValidationError(f"At most {top}.", name)


class TermsOut(TermsIn):
    id = Id()
    legal_entity_id = Id()
    decided_by = Id()
    decided_at = Instant()
