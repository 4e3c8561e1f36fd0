"""Organizations, out."""

from marshmallow import fields

from shared.web.fields import Id, Instant, Schema


class OrganizationOut(Schema):
    """A franchise organization."""

    id = Id()
    slug = fields.String()
    name = fields.String()
    currency = fields.String()
    registered_at = Instant()
