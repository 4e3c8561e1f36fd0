"""Tax rules in JSON. A rate is a fraction as a string: "0.0875" is 8.75 %."""

from marshmallow import fields, validate

from services.billing.items import ItemClass
from shared.web.fields import Id, Instant, PageQuery, Pattern, Quantity, Schema, Text

STATE = Pattern(r"^[A-Z]{2}$", error="A state is two capital letters.")
ITEM_CLASS = validate.OneOf([item.value for item in ItemClass])


class TaxRuleIn(Schema):
    state = fields.String(required=True, validate=STATE)
    locality = Text(load_default="", min=0, max=100)
    item_class = fields.String(required=True, validate=ITEM_CLASS)
    effective_from = fields.Date(required=True)
    rate = Quantity(required=True, validate=validate.Range(max=1, max_inclusive=False))
    source = Text(required=True, max=500, metadata={"description": "The statute, bulletin or rate table it is from."})


class TaxRuleOut(TaxRuleIn):
    id = Id()
    revision = fields.Integer()
    recorded_by = Id()
    recorded_at = Instant()


class TaxRuleQuery(PageQuery):
    state = fields.String(load_default=None, validate=STATE)
