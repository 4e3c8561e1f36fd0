"""A day's takings in JSON."""

from marshmallow import fields

from shared.web.fields import Money, Schema


class MethodTotalOut(Schema):
    method = fields.String()
    payments = fields.Integer()
    received = Money()
    refunded = Money()
    net = Money(minimum=None)


class TakingsOut(Schema):
    day = fields.Date()
    methods = fields.List(fields.Nested(MethodTotalOut))
    received = Money()
    refunded = Money()
    net = Money(minimum=None)
