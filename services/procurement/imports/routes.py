"""Imports and exports over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from services.procurement.imports import schemas, service
from services.procurement.imports.models import ImportJob
from shared.db import get
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("imports", __name__, description="Catalogue and vendors from and to CSV")
CSV = {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
csv_body: Callable[[Callable[..., Any]], Callable[..., Any]] = Blueprint.doc(requestBody=CSV)


@blueprint.route("/imports/items", methods=["POST"])
@operation("procurement.item.import", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.ImportQuery, location="query")
@blueprint.response(201, schemas.ImportOut)
@csv_body
def import_items(query: dict[str, Any]) -> Any:
    """Import items and prices (text/csv); `dry_run` changes nothing, the answer names every bad row."""
    return _run("items", query)


@blueprint.route("/imports/vendors", methods=["POST"])
@operation("procurement.vendor.import", plane="business", scopes=("organization",))
@blueprint.arguments(schemas.ImportQuery, location="query")
@blueprint.response(201, schemas.ImportOut)
@csv_body
def import_vendors(query: dict[str, Any]) -> Any:
    """Import vendors (text/csv); bank details are not imported, they need two people."""
    return _run("vendors", query)


@blueprint.route("/imports", methods=["GET"])
@operation("procurement.import.list", plane="business", scopes=("organization",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.ImportOut))
def listing(query: dict[str, Any]) -> Any:
    """Imports, newest first."""
    return service.jobs(session(), **query)


@blueprint.route("/imports/<uuid:import_id>", methods=["GET"])
@operation("procurement.import.read", plane="business", scopes=("organization",))
@blueprint.response(200, schemas.ImportOut)
def read(import_id: UUID) -> Any:
    """What came of an import, row by row."""
    return get(session(), ImportJob, import_id)


@blueprint.route("/exports/items", methods=["GET"])
@operation("procurement.item.download", plane="business", scopes=("organization",))
@blueprint.response(200, content_type="text/csv")
def export_items() -> Response:
    """All items and prices, in the columns an import reads."""
    return _file("items")


@blueprint.route("/exports/vendors", methods=["GET"])
@operation("procurement.vendor.download", plane="business", scopes=("organization",))
@blueprint.response(200, content_type="text/csv")
def export_vendors() -> Response:
    """All vendors, in the columns an import reads."""
    return _file("vendors")


def _run(kind: str, query: dict[str, Any]) -> Any:
    if request.mimetype != "text/csv":
        raise UnsupportedMediaType("Send text/csv.")
    job = service.run(session(), context(), kind, request.get_data(cache=True), **query)
    return job, 201, {"Location": f"/imports/{job.id}"}


def _file(kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response(service.export(session(), kind), mimetype="text/csv", headers=headers)
