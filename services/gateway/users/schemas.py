"""Users, in and out."""

from marshmallow import fields, validate

from services.gateway.users.models import UserKind
from shared.web.fields import Id, Instant, PageQuery, Schema, Text


class UserIn(Schema):
    """A person. `external_subject` is the `sub` by which the identity provider knows them."""

    name = Text(required=True, max=120)
    email = fields.Email(required=True, validate=validate.Length(max=254))
    external_subject = Text(load_default=None, max=255)


class UserChangeIn(Schema):
    """What is to change; the rest stays."""

    name = Text(max=120)


class UserQuery(PageQuery):
    """Filters of the list."""

    kind = fields.String(load_default=None, validate=validate.OneOf([kind.value for kind in UserKind]))
    email = fields.Email(load_default=None)


class UserOut(Schema):
    """A user."""

    id = Id()
    kind = fields.String()
    name = fields.String()
    email = fields.String(allow_none=True)
    external_subject = fields.String(allow_none=True)
    status = fields.String()
    created_at = Instant()
