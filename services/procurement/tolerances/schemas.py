"""Tolerances in JSON."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from shared.web.fields import Quantity, Schema


class Share(Quantity):
    """A share from 0 to 1, a string: `"0.05"` is five percent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        share = super()._deserialize(value, attr, data, **kwargs)
        if share > 1:
            raise ValidationError("At most 1.")
        return share


class TolerancesIn(Schema):
    over_receipt = Share(required=True)
    bill_price = Share(required=True)
    extra_charges = Share(required=True)


class TolerancesOut(TolerancesIn):
    version = fields.Integer()
