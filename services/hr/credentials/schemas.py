"""Credentials over HTTP."""

from typing import Any

from marshmallow import fields, validate

from services.hr.credentials.models import Finding
from shared.clock import today
from shared.web.fields import Id, Instant, PageQuery, Pattern, Schema, Text

STATE = Pattern("^[A-Z]{2}$", error="Two capital letters.")


class VerificationIn(Schema):
    checked_on = fields.Date(required=True)
    checked_with = Text(required=True)
    reference = Text(load_default=None, allow_none=True)
    finding = fields.String(required=True, validate=validate.OneOf(list(Finding)))


class CredentialIn(Schema):
    kind = Text(max=60, required=True)
    state = fields.String(load_default=None, allow_none=True, validate=STATE)
    number = Text(max=60, load_default=None, allow_none=True)
    issued_on = fields.Date(required=True)
    expires_on = fields.Date(load_default=None, allow_none=True)
    verification = fields.Nested(VerificationIn, load_default=None, allow_none=True)


class CredentialsQuery(PageQuery):
    person_id = Id(load_default=None)
    kind = Text(max=60, load_default=None)
    expires_before = fields.Date(load_default=None)


class VerificationOut(VerificationIn):
    id = Id()
    checked_by = Id()


class CredentialOut(Schema):
    """A credential with its newest verification and what it is worth today."""

    id = Id(attribute="credential.id")
    person_id = Id(attribute="credential.person_id")
    kind = fields.String(attribute="credential.kind")
    title = fields.String(attribute="credential.title")
    state = fields.String(attribute="credential.state", allow_none=True)
    number = fields.String(attribute="credential.number", allow_none=True)
    issued_on = fields.Date(attribute="credential.issued_on")
    expires_on = fields.Date(attribute="credential.expires_on", allow_none=True)
    dataset_version = fields.String(attribute="credential.dataset_version")
    recorded_by = Id(attribute="credential.recorded_by")
    recorded_at = Instant(attribute="credential.recorded_at")
    status = fields.Method("_status")
    verification = fields.Nested(VerificationOut, allow_none=True)

    def _status(self, standing: Any) -> str:
        return str(standing.status_on(today()))


class KindOut(Schema):
    kind = fields.String(attribute="key")
    title = fields.String(attribute="body.title")
    holder_roles = fields.List(fields.String(), attribute="body.holder_roles")
    clinical = fields.Boolean(attribute="body.clinical")
    per_state = fields.Boolean(attribute="body.per_state")
    renewal = fields.String(attribute="body.renewal")
    block_when_lapsed = fields.String(attribute="body.block_when_lapsed")
    source = fields.String(attribute="body.source", allow_none=True)
    dataset_version = fields.String()


class KindsOut(Schema):
    items = fields.List(fields.Nested(KindOut))
