"""Passwords, in only."""

from marshmallow import fields, validate

from services.gateway.accounts.passwords import LONGEST
from shared.web.fields import Schema, Text

# Neither trimmed nor otherwise changed: what was typed is what counts.
_length = validate.Length(min=1, max=LONGEST)


class OneTimePasswordIn(Schema):
    """A password that its owner must change before it opens anything."""

    one_time_password = fields.String(required=True, load_only=True, validate=_length)


class IdentityIn(Schema):
    """The e-mail address and, where an identity provider vouches for the person, the `sub` it knows them by."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    external_subject = Text(required=True, max=255, allow_none=True)


class PasswordChangeIn(Schema):
    """The old password proves who you are, the new one counts from now on."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    password = fields.String(required=True, load_only=True, validate=_length)
    new_password = fields.String(required=True, load_only=True, validate=_length)
