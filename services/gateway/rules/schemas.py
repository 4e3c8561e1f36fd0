"""Rules, out."""

from marshmallow import fields, validate

from services.gateway.rules.dataset import KINDS
from shared.web.fields import Schema


class RuleQuery(Schema):
    """A kind of rule, and the day it is asked for (today unless it says otherwise)."""

    kind = fields.String(required=True, validate=validate.OneOf(sorted(KINDS)))
    on = fields.Date(load_default=None)


class RuleDayQuery(Schema):
    """The day a rule is asked for, today unless it says otherwise."""

    on = fields.Date(load_default=None)


class RuleOut(Schema):
    """An entry of the dataset as it was reviewed, with its sources and how sure it is, in `body`."""

    kind = fields.String()
    key = fields.String()
    dataset_version = fields.String()
    effective_from = fields.Date()
    effective_to = fields.Date(allow_none=True)
    reviewed = fields.Date()
    stale = fields.Boolean(metadata={"description": "reviewed too long ago: hold for counsel"})
    body = fields.Dict()
    notice = fields.String()


class RulesOut(Schema):
    """Entries of one kind."""

    items = fields.List(fields.Nested(RuleOut))
    notice = fields.String()
