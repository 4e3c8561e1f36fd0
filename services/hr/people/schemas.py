"""People over HTTP."""

from marshmallow import fields

from shared.web.fields import Id, PageQuery, Schema, Text


class PersonIn(Schema):
    given_name = Text(max=80, required=True)
    family_name = Text(max=80, required=True)
    work_email = fields.Email(required=True)


class PersonChangeIn(Schema):
    given_name = Text(max=80)
    family_name = Text(max=80)
    work_email = fields.Email()


class IntroductionIn(Schema):
    legal_entity_id = Id(required=True)


class PeopleQuery(PageQuery):
    name = Text(max=80, load_default=None)


class PersonOut(Schema):
    id = Id()
    given_name = fields.String()
    family_name = fields.String()
    work_email = fields.String()
    npi = fields.String(allow_none=True)
