"""Reports in JSON. Every figure drills down to its lines through the account statement."""

from marshmallow import ValidationError, fields, validates_schema

from shared.web.fields import Id, Money, Schema


class TrialBalanceQuery(Schema):
    as_of = fields.Date(required=True)


class BalanceOut(Schema):
    code = fields.String()
    name = fields.String()
    kind = fields.String()
    debit = Money()
    credit = Money()
    balance = Money(minimum=None)


class TrialBalanceOut(Schema):
    as_of = fields.Date()
    items = fields.List(fields.Nested(BalanceOut))
    debit = Money()
    credit = Money()


class SpanQuery(Schema):
    first = fields.Date(required=True)
    last = fields.Date(required=True)

    @validates_schema
    def in_order(self, data: dict[str, object], **_: object) -> None:
        if str(data["last"]) < str(data["first"]):
            raise ValidationError("The last day is before the first.")


class ResultOut(Schema):
    code = fields.String()
    name = fields.String()
    kind = fields.String()
    amount = Money(minimum=None)


class SiteResultOut(Schema):
    location_id = Id(allow_none=True)
    items = fields.List(fields.Nested(ResultOut))
    revenue = Money(minimum=None)
    expense = Money(minimum=None)
    profit = Money(minimum=None)


class ProfitAndLossOut(Schema):
    sites = fields.List(fields.Nested(SiteResultOut))
