"""Machine clients and keys, in and out."""

from marshmallow import fields

from shared.web.fields import Id, Instant, Schema, Text


class ClientIn(Schema):
    """A machine client's name."""

    name = Text(required=True, max=120)


class ClientOut(Schema):
    """A machine client."""

    id = Id()
    name = fields.String()
    status = fields.String()
    created_at = Instant()


class KeyIn(Schema):
    """The last day of a key, within a year."""

    expires_on = fields.Date(required=True)


class KeyOut(Schema):
    """A key, without its secret."""

    id = Id()
    client_id = Id(attribute="user_id")
    plane = fields.String()
    prefix = fields.String()
    issued_by = Id()
    issued_at = Instant()
    expires_on = fields.Date()
    revoked_at = Instant(allow_none=True)
    last_used_at = Instant(allow_none=True, metadata={"description": "to the minute; only in lists"})


class IssuedKeyOut(KeyOut):
    """A new key. `key` is shown this once."""

    key = fields.String()
