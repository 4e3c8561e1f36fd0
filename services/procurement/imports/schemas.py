"""Import jobs in JSON."""

from marshmallow import fields, validate

from services.procurement.imports.models import Mode
from shared.web.fields import Id, Instant, Schema


class ImportQuery(Schema):
    dry_run = fields.Boolean(load_default=False)
    mode = fields.String(load_default=str(Mode.ALL_OR_NOTHING), validate=validate.OneOf([str(mode) for mode in Mode]))


class RowError(Schema):
    row = fields.Integer(metadata={"description": "As a spreadsheet shows it; the header is row 1."})
    column = fields.String()
    detail = fields.String()


class ImportOut(Schema):
    id = Id()
    kind = fields.String()
    mode = fields.String()
    dry_run = fields.Boolean()
    status = fields.String()
    rows = fields.Integer()
    rows_applied = fields.Integer()
    counts = fields.Dict()
    errors = fields.List(fields.Nested(RowError))
    created_by = Id()
    created_at = Instant()
    finished_at = Instant()
