"""Regions, in and out."""

from marshmallow import fields

from shared.web.fields import Id, Schema, Text


class RegionIn(Schema):
    """A region's name."""

    name = Text(required=True, max=80)


class RegionOut(Schema):
    """A region."""

    id = Id()
    name = fields.String()
