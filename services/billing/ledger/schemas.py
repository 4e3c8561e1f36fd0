"""The books in JSON."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.billing.ledger.chart import AccountKind
from services.billing.ledger.rules import Line
from shared.web.fields import Id, Instant, Money, PageQuery, Pattern, Schema, Text

CODE = Pattern(r"^[0-9]{4,8}$", error="Four to eight digits.")


class LedgerAccountIn(Schema):
    code = fields.String(required=True, validate=CODE)
    name = Text(required=True, max=100)
    kind = fields.Enum(AccountKind, by_value=True, required=True)


class LedgerAccountOut(Schema):
    code = fields.String()
    name = fields.String()
    kind = fields.String()


class LedgerAccountList(Schema):
    items = fields.List(fields.Nested(LedgerAccountOut))


class JournalLineIn(Schema):
    account_code = fields.String(required=True, validate=CODE)
    debit = Money(load_default=None)
    credit = Money(load_default=None)
    location_id = Id(load_default=None, allow_none=True)

    @validates_schema
    def one_side(self, data: dict[str, Any], **_: Any) -> None:
        if bool(data.get("debit")) == bool(data.get("credit")):
            raise ValidationError("A line has a debit or a credit, more than zero.")

    @post_load
    def line(self, data: dict[str, Any], **_: Any) -> Line:
        return Line(**{name: value for name, value in data.items() if value is not None})


class JournalEntryIn(Schema):
    posted_on = fields.Date(required=True, validate=validate.Range(min=date(2000, 1, 1)))
    memo = Text(required=True, max=300)
    lines = fields.List(fields.Nested(JournalLineIn), required=True, validate=validate.Length(min=2, max=200))


class ReversalIn(Schema):
    posted_on = fields.Date(required=True, validate=validate.Range(min=date(2000, 1, 1)))
    memo = Text(required=True, max=300)


class JournalLineOut(Schema):
    account_code = fields.String()
    debit = Money()
    credit = Money()
    location_id = Id(allow_none=True)


class JournalEntryOut(Schema):
    id = Id()
    number = fields.String()
    legal_entity_id = Id()
    posted_on = fields.Date()
    fact_on = fields.Date()
    source_type = fields.String()
    source_id = Id()
    memo = fields.String()
    total = Money()
    reverses = Id(allow_none=True)
    link_id = Id(allow_none=True)
    posted_by = Id(allow_none=True)
    posted_at = Instant()
    lines = fields.List(fields.Nested(JournalLineOut))


class JournalQuery(PageQuery):
    posted_from = fields.Date(load_default=None)
    posted_to = fields.Date(load_default=None)
    source_type = Text(load_default=None, max=50)
    source_id = Id(load_default=None)
    link_id = Id(load_default=None)


class StatementQuery(PageQuery):
    posted_from = fields.Date(required=True)
    posted_to = fields.Date(required=True)


class StatementEntryOut(Schema):
    id = Id()
    number = fields.String()
    source_type = fields.String()
    source_id = Id()
    memo = fields.String()


class StatementLineOut(Schema):
    posted_on = fields.Date()
    debit = Money()
    credit = Money()
    location_id = Id(allow_none=True)
    entry = fields.Nested(StatementEntryOut)


class AccountStatementOut(Schema):
    account = fields.Nested(LedgerAccountOut)
    opening = Money(minimum=None, metadata={"description": "Debits less credits before posted_from."})
    items = fields.List(fields.Nested(StatementLineOut))
    next = fields.String(allow_none=True)
