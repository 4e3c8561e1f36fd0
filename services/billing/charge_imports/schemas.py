"""One row of a file of charges, whatever its format was; and what became of a file."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.billing.accounts.models import Details
from services.billing.accounts.schemas import SOURCE_SYSTEM
from services.billing.charge_imports.formats import Row
from services.billing.charge_imports.rules import Fault, Line
from services.billing.charges.schemas import CODE, MODIFIER
from services.billing.tax.schemas import ITEM_CLASS
from shared.web.fields import Id, Instant, Money, Pattern, Price, Quantity, Schema, Text
from shared.web.problems import pointers

ICD10 = Pattern(r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$", error="An ICD-10-CM code, without its text.")
CODE_SYSTEMS = ("CPT", "HCPCS", "NDC", "LOCAL")


class ChargeRow(Schema):
    source_id = Text(required=True, max=100)
    # Only FHIR has a status; a charge that is merely planned is not a charge yet.
    status = fields.String(load_default="billable", validate=validate.Equal("billable", error="Not billable."))
    service_on = fields.Date(required=True)
    patient_id = Text(required=True, max=100)
    patient_name = Text(load_default=None, allow_none=True, max=200)
    patient_email = Text(load_default=None, allow_none=True, max=200)
    patient_phone = Text(load_default=None, allow_none=True, max=50)
    patient_address = Text(load_default=None, allow_none=True, max=500)
    payer_name = Text(load_default=None, allow_none=True, max=200)
    payer_member_id = Text(load_default=None, allow_none=True, max=100)
    code_system = fields.String(required=True, validate=validate.OneOf(CODE_SYSTEMS))
    code = fields.String(required=True, validate=CODE)
    modifiers = fields.List(fields.String(validate=MODIFIER), load_default=list, validate=validate.Length(max=4))
    diagnosis_codes = fields.List(fields.String(validate=ICD10), load_default=list, validate=validate.Length(max=12))
    item_class = fields.String(required=True, validate=ITEM_CLASS)
    quantity = Quantity(required=True, above=0)
    unit_price = Price(required=True)


_ROW = ChargeRow()
_FIELD = re.compile(r"[a-z_]{1,40}")


def lines(rows: list[Row]) -> tuple[list[Line], list[Fault]]:
    """The rows that can be understood, numbered from 1, and why the others cannot; no reason quotes a value."""
    good: list[Line] = []
    bad: list[Fault] = []
    for number, row in enumerate(rows, 1):
        try:
            good.append(_line(number, _ROW.load(row)))
        except ValidationError as error:
            bad += [Fault(number, *_where(found)) for found in pointers({"json": error.messages})]
    return good, bad


def _where(found: dict[str, str]) -> tuple[str, str]:
    # The name of an unknown field is the sender's own text, and might be anything.
    field = found["pointer"].strip("/").split("/")[0]
    known = field in _ROW.fields
    return (field, found["detail"]) if known else ("", "It has a field that is not known.")


def _line(number: int, row: dict[str, Any]) -> Line:
    row.pop("status")
    patient = Details(
        external_id=row.pop("patient_id"),
        name=row.pop("patient_name") or "",
        email=row.pop("patient_email"),
        phone=row.pop("patient_phone"),
        address=row.pop("patient_address"),
        payer_name=row.pop("payer_name"),
        payer_member_id=row.pop("payer_member_id"),
    )
    return Line(number=number, patient=patient, **row)


class ImportQuery(Schema):
    source_system = fields.String(required=True, validate=SOURCE_SYSTEM)
    dry_run = fields.Boolean(load_default=False)


class ImportFault(Schema):
    row = fields.Integer()
    field = fields.String()
    detail = fields.String()


class ImportOut(Schema):
    id = Id(allow_none=True, metadata={"description": "None for a dry run."})
    source_system = fields.String()
    accepted = fields.Integer(metadata={"description": "Charges that are new."})
    repeated = fields.Integer(metadata={"description": "Charges that were here already, the same."})
    rejected = fields.Integer(metadata={"description": "Rows with a fault."})
    amount = Money(metadata={"description": "Sum of the accepted."})
    errors = fields.List(fields.Nested(ImportFault))
    imported_at = Instant(allow_none=True)
