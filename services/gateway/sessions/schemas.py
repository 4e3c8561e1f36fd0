"""Sessions, in and out."""

from marshmallow import fields, validate

from services.gateway.accounts.passwords import LONGEST
from services.gateway.roles import PLANES
from shared.web.fields import Id, Instant, Schema


class SignInIn(Schema):
    """Who, and on which plane; a session acts on one."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(min=1, max=LONGEST))
    plane = fields.String(required=True, validate=validate.OneOf(PLANES))


class RefreshIn(Schema):
    """A refresh token; it works once."""

    refresh_token = fields.String(required=True, load_only=True, validate=validate.Length(min=1, max=200))


class PlaneIn(RefreshIn):
    """The plane to change to."""

    plane = fields.String(required=True, validate=validate.OneOf(PLANES))


class SessionOut(Schema):
    """A session: whose, and on which plane it acts."""

    id = Id()
    plane = fields.String()
    user_id = Id()
    name = fields.String()
    email = fields.String()
    organization_id = Id()
    planes = fields.List(fields.String(), metadata={"description": "The planes this person holds roles on today"})
    started_at = Instant()
    expires_at = Instant()


class TokensOut(Schema):
    """Bearer tokens of a session. Send the access token as `Authorization: Bearer ...`."""

    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "seconds"})
    refresh_token = fields.String()
    session_id = Id()
    plane = fields.String()
    user_id = Id()
    organization_id = Id()
