"""HTTP of invoices."""

from typing import Any
from uuid import UUID

from services.billing.accounts.routes import field_keys
from services.billing.accounts.schemas import PurposeQuery
from services.billing.accounts.service import Place
from services.billing.invoices import service
from services.billing.invoices.models import Invoice
from services.billing.invoices.rules import Priced
from services.billing.invoices.schemas import (
    InvoiceDetail,
    InvoiceIn,
    InvoiceIssue,
    InvoiceOut,
    InvoiceQuery,
    PreviewOut,
    StatementOut,
)
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("invoices", __name__, url_prefix="/invoices", description="Invoices")


@blueprint.route("", methods=["GET"])
@operation("billing.invoice.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(InvoiceQuery, location="query")
@blueprint.response(200, page_of(InvoiceOut))
def list_invoices(query: dict[str, Any]) -> Page[Invoice]:
    return service.listing(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("billing.invoice.issue", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(InvoiceIssue)
@blueprint.response(201, InvoiceOut)
def issue(body: dict[str, Any]) -> tuple[Invoice, int, dict[str, str]]:
    invoice = service.issue(session(), Place.of(context()), **body)
    return invoice, 201, {"Location": f"invoices/{invoice.id}", **etag(invoice.version)}


@blueprint.route("/preview", methods=["POST"])
@operation("billing.invoice.preview", plane="any", scopes=("location",), writes=False)
@blueprint.arguments(InvoiceIn)
@blueprint.response(200, PreviewOut)
def preview(body: dict[str, Any]) -> Priced:
    return service.preview(session(), Place.of(context()), **body)


@blueprint.route("/<uuid:invoice_id>", methods=["GET"])
@operation("billing.invoice.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, InvoiceDetail)
def read(invoice_id: UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    invoice = get(session(), Invoice, invoice_id)
    shown = {name: getattr(invoice, name) for name in InvoiceOut().fields}
    return {**shown, "lines": service.lines_of(session(), invoice.id)}, 200, etag(invoice.version)


@blueprint.route("/<uuid:invoice_id>/statement", methods=["GET"])
@operation("billing.statement.read", plane="any", scopes=("location", "entity"), data_class="patient_account")
@blueprint.arguments(PurposeQuery, location="query")
@blueprint.response(200, StatementOut)
def read_statement(query: dict[str, Any], invoice_id: UUID) -> service.Statement:
    return service.statement(session(), field_keys(), context(), invoice_id, query["purpose"])
