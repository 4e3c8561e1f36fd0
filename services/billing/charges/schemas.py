"""Charges in JSON."""

from marshmallow import ValidationError, fields, validate, validates_schema

from services.billing.accounts.schemas import purpose
from services.billing.charges.models import ChargeStatus
from shared.web.fields import Id, Instant, Money, PageQuery, Pattern, Price, Quantity, Schema, Text

CODE = Pattern(r"^[A-Za-z0-9][A-Za-z0-9.-]{0,19}$", error="A code: letters, digits, dots and dashes.")
MODIFIER = Pattern(r"^[A-Z0-9]{2}$", error="A modifier is two capital letters or digits.")


class ChargeQuery(PageQuery):
    purpose = purpose()
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in ChargeStatus]))
    account_id = Id(load_default=None)


class ChargeOut(Schema):
    id = Id()
    account_id = Id()
    location_id = Id()
    legal_entity_id = Id()
    import_id = Id()
    source_system = fields.String()
    source_id = fields.String()
    service_on = fields.Date()
    code_system = fields.String()
    code = fields.String()
    modifiers = fields.List(fields.String())
    diagnosis_codes = fields.List(fields.String())
    item_class = fields.String()
    quantity = Quantity()
    unit_price = Price()
    amount = Money()
    status = fields.String()
    invoice_id = Id(allow_none=True)


class ChargeRevisionOut(Schema):
    id = Id()
    decision_id = Id()
    before = fields.Dict()
    after = fields.Dict()
    reason = fields.String()
    decided_by = Id()
    decided_at = Instant()


class ChargeDetail(ChargeOut):
    revisions = fields.List(fields.Nested(ChargeRevisionOut))


class CorrectionIn(Schema):
    """What changes; the rest stays."""

    reason = Text(required=True, max=200, metadata={"description": "Stays with the charge."})
    code = fields.String(load_default=None, validate=CODE)
    modifiers = fields.List(fields.String(validate=MODIFIER), load_default=None, validate=validate.Length(max=4))
    quantity = Quantity(load_default=None, above=0)
    unit_price = Price(load_default=None)

    @validates_schema
    def _changes_something(self, data: dict[str, object], **_: object) -> None:
        if all(data.get(name) is None for name in ("code", "modifiers", "quantity", "unit_price")):
            raise ValidationError("Say what to correct: code, modifiers, quantity or unit_price.")


class VoidIn(Schema):
    reason = Text(required=True, max=200, metadata={"description": "Stays with the charge."})


class UnbilledOut(Schema):
    account_id = Id()
    account_number = fields.String()
    location_id = Id()
    charges = fields.Integer()
    amount = Money()
    held_for = fields.List(fields.String(), metadata={"description": "Item classes without a tax rule here."})
