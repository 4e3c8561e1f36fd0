"""Business-associate agreements, in and out."""

from marshmallow import fields

from shared.web.fields import Id, Schema


class AssociationIn(Schema):
    """A signed business-associate agreement of a clinical entity with an MSO."""

    legal_entity_id = Id(required=True)
    business_associate_id = Id(required=True)
    signed_on = fields.Date(required=True)
    ends_on = fields.Date(load_default=None, allow_none=True)


class AssociationEndIn(Schema):
    """The last day in force, today unless it says otherwise."""

    ends_on = fields.Date(load_default=None, allow_none=True)


class AssociationOut(Schema):
    """A business-associate agreement."""

    id = Id()
    legal_entity_id = Id()
    business_associate_id = Id()
    signed_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
