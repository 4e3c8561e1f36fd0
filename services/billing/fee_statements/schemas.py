"""Fee statements in JSON."""

from decimal import Decimal

from marshmallow import fields, validate

from services.billing.fees.models import Status
from services.billing.fees.schemas import AgreementQuery, FeeCheckOut
from services.billing.months import Month
from shared.web.fields import Id, Instant, Money, Pattern, Quantity, Schema, Text


class FeeStatementIn(Schema):
    agreement_id = Id(required=True)
    month = Month(required=True)


class FeeApprovalIn(Schema):
    amount = Money(required=True, metadata={"description": "The amount of the statement that was read."})


class FeeStatementsQuery(AgreementQuery):
    month = Month(load_default=None)
    status = fields.Enum(Status, by_value=True, load_default=None)


class WorkingLineOut(Schema):
    section = fields.String()
    label = fields.String()
    amount = fields.String()
    quantity = fields.String(allow_none=True)
    rate = fields.String(allow_none=True)
    on = fields.String(allow_none=True)
    source_type = fields.String(allow_none=True)
    source_id = fields.String(allow_none=True)
    document = fields.String(allow_none=True)


class FeeStatementListed(Schema):
    id = Id()
    number = fields.String()
    agreement_id = Id()
    legal_entity_id = Id()
    mso_id = Id()
    terms_id = Id()
    fee_model = fields.String()
    month = Month()
    base = Money(allow_none=True)
    amount = Money()
    status = fields.String()
    outcome = fields.String()
    drafted_by = Id()
    drafted_at = Instant()
    decided_by = Id(allow_none=True)
    decided_at = Instant(allow_none=True)
    decision_id = Id(allow_none=True)


class FeeStatementOut(FeeStatementListed):
    checks = fields.List(fields.Nested(FeeCheckOut))
    rule_version = fields.String()
    working = fields.List(fields.Nested(WorkingLineOut))


class UsageLineIn(Schema):
    unit = fields.String(required=True, validate=Pattern(r"^[a-z][a-z0-9_]{0,49}$"))
    quantity = Quantity(required=True, minimum=None, validate=validate.NoneOf([Decimal(0)], error="Not zero."))
    performed_on = fields.Date(required=True)
    reference = Text(required=True, max=200)


class UsageIn(Schema):
    agreement_id = Id(required=True)
    units = fields.List(fields.Nested(UsageLineIn), required=True, validate=validate.Length(min=1, max=500))


class UsageOut(Schema):
    id = Id()
    agreement_id = Id()
    unit = fields.String()
    quantity = Quantity(minimum=None)
    performed_on = fields.Date()
    reference = fields.String()
    recorded_by = Id()
    recorded_at = Instant()


class UsageList(Schema):
    items = fields.List(fields.Nested(UsageOut))
