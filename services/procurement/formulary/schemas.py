"""The formulary in JSON."""

from marshmallow import fields, validate

from services.procurement.formulary.models import EntryStatus
from shared.web.fields import Day, Flag, Id, Instant, PageQuery, Schema, Text


class ProposalIn(Schema):
    item_id = Id(required=True)
    reason = Text(required=True, max=1000)
    starts_on = Day(load_default=None, allow_none=True)


class DecisionIn(Schema):
    approved = Flag(required=True)
    note = Text(load_default=None, allow_none=True, max=1000)


class WithdrawalIn(Schema):
    from_day = Day(load_default=None, allow_none=True)
    note = Text(load_default=None, allow_none=True, max=1000)


class EntryOut(Schema):
    id = Id()
    legal_entity_id = Id()
    item_id = Id()
    sku = fields.String()
    item_name = fields.String()
    item_class = fields.String()
    status = fields.String()
    starts_on = Day()
    ends_on = Day(allow_none=True)
    reason = fields.String()
    proposed_by = Id()
    proposed_by_name = fields.String()
    proposed_at = Instant()
    decided_by = Id(allow_none=True)
    decided_by_name = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)
    decision_note = fields.String(allow_none=True)
    decision_record_id = Id(allow_none=True)
    version = fields.Integer()


class EntryQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([str(status) for status in EntryStatus]))
