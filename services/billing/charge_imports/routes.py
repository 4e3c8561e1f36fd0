"""HTTP of charge imports: a file in one of three formats, the same answer for each."""

from typing import Any
from uuid import UUID

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from services.billing.accounts.models import check_may_see
from services.billing.accounts.routes import field_keys
from services.billing.accounts.service import Place
from services.billing.charge_imports import formats, service
from services.billing.charge_imports.models import ChargeImport
from services.billing.charge_imports.rules import check_may_send
from services.billing.charge_imports.schemas import ChargeRow, ImportOut, ImportQuery, lines
from shared.db import get
from shared.pagination import Page
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("charge_imports", __name__, url_prefix="/charge-imports", description="Files of charges")

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["charges"],
                "additionalProperties": False,
                "properties": {"charges": {"type": "array", "items": ChargeRow}},
            }
        },
        "text/csv": {"schema": {"type": "string", "description": f"Columns: {', '.join(formats.COLUMNS)}"}},
        "application/fhir+json": {"schema": {"type": "object", "description": "A Bundle of ChargeItems"}},
    },
}


@blueprint.route("", methods=["POST"])
@operation("billing.charge.import", plane="clinical", scopes=("location",), data_class="patient_account")
@blueprint.arguments(ImportQuery, location="query")
@blueprint.doc(requestBody=_BODY)  # type: ignore[untyped-decorator]
@blueprint.response(201, ImportOut)
@blueprint.otherwise(200, ImportOut)
def take_in(query: dict[str, Any]) -> tuple[Any, int, dict[str, str]]:
    check_may_send(context())
    check_may_see(context())
    if request.mimetype not in formats.READERS:
        raise UnsupportedMediaType(f"Send one of {', '.join(formats.READERS)}.")
    content = request.get_data(cache=True)
    good, bad = lines(formats.read(request.mimetype, content))
    place = Place.of(context())
    if query["dry_run"]:
        return service.preview(session(), field_keys(), place, query["source_system"], good, bad), 200, {}
    made, fresh = service.take_in(session(), field_keys(), place, query["source_system"], content, good, bad)
    return made, 201 if fresh else 200, {"Location": f"charge-imports/{made.id}"}


@blueprint.route("", methods=["GET"])
@operation("billing.charge_import.list", plane="any", scopes=("location", "entity"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(ImportOut))
def list_imports(query: dict[str, Any]) -> Page[ChargeImport]:
    return service.listing(session(), **query)


@blueprint.route("/<uuid:import_id>", methods=["GET"])
@operation("billing.charge_import.read", plane="any", scopes=("location", "entity"))
@blueprint.response(200, ImportOut)
def read(import_id: UUID) -> ChargeImport:
    return get(session(), ChargeImport, import_id)
