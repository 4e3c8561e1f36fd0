"""Fee terms in JSON."""

from typing import Any

from marshmallow import fields, post_load, validate

from services.billing.evidence.schemas import agreement_services, fee_model
from services.billing.ledger.schemas import CODE
from services.billing.months import Month
from services.billing.payables.rules import COST_CATEGORIES
from shared.web.fields import Flag, Id, Instant, Money, PageQuery, Pattern, Price, Schema, Text


class FeeUnitIn(Schema):
    unit = fields.String(required=True, validate=Pattern(r"^[a-z][a-z0-9_]{0,49}$"))
    price = Price(required=True)

    @post_load
    def plain(self, data: dict[str, Any], **_: Any) -> dict[str, str]:
        """As the terms keep it: a JSON document has no exact numbers."""
        return {"unit": data["unit"], "price": str(data["price"])}


def _texts(of: fields.Field[Any]) -> fields.List[Any]:
    return fields.List(of, load_default=list, validate=validate.Length(max=50))


class FeeTermsIn(Schema):
    agreement_id = Id(required=True)
    fee_model = fee_model()
    effective_from = Month(required=True)
    services = agreement_services()
    monthly_amount = Money(load_default=None, allow_none=True, above=0)
    percent = Price(load_default=None, allow_none=True)
    base_accounts = _texts(fields.String(validate=CODE))
    excludes_marketing = Flag(load_default=False)
    excludes_federal = Flag(load_default=False)
    cost_categories = _texts(fields.String(validate=validate.OneOf(COST_CATEGORIES)))
    menu = fields.List(fields.Nested(FeeUnitIn), load_default=list, validate=validate.Length(max=50))


class FeeCheckOut(Schema):
    id = fields.String()
    title = fields.String()
    severity = fields.String()
    outcome = fields.String()
    why = fields.String()
    source = fields.String()
    cites = fields.List(fields.String())
    rule_version = fields.String()


class FeeTermsOut(Schema):
    id = Id()
    agreement_id = Id()
    mso_id = Id()
    legal_entity_id = Id()
    fee_model = fields.String()
    effective_from = Month()
    services = fields.List(fields.String())
    monthly_amount = Money(allow_none=True)
    percent = Price(allow_none=True)
    base_accounts = fields.List(fields.String())
    excludes_marketing = fields.Boolean()
    excludes_federal = fields.Boolean()
    cost_categories = fields.List(fields.String())
    menu = fields.List(fields.Nested(FeeUnitIn))
    status = fields.String()
    outcome = fields.String()
    checks = fields.List(fields.Nested(FeeCheckOut))
    rule_version = fields.String()
    proposed_by = Id()
    proposed_at = Instant()
    decided_by = Id(allow_none=True)
    decided_at = Instant(allow_none=True)
    decision_id = Id(allow_none=True)


class AgreementQuery(PageQuery):
    agreement_id = Id(load_default=None)


class FeeRefusalIn(Schema):
    reason = Text(required=True, max=500)
