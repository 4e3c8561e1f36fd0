"""HTTP of credit notes."""

from typing import Any
from uuid import UUID

from services.billing.credit_notes import service
from services.billing.credit_notes.models import CreditNote
from services.billing.credit_notes.schemas import CreditNoteDetail, CreditNoteIn, CreditNoteOut, CreditNoteQuery
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("credit_notes", __name__, url_prefix="/credit-notes", description="Credit notes")


@blueprint.route("", methods=["GET"])
@operation("billing.credit_note.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(CreditNoteQuery, location="query")
@blueprint.response(200, page_of(CreditNoteOut))
def list_notes(query: dict[str, Any]) -> Page[CreditNote]:
    return service.listing(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("billing.credit_note.issue", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(CreditNoteIn)
@blueprint.response(201, CreditNoteOut)
def issue(body: dict[str, Any]) -> tuple[CreditNote, int, dict[str, str]]:
    lines = body.pop("lines")
    asked = None if lines is None else [(line["line_id"], line["amount"]) for line in lines]
    note = service.issue(session(), context().principal_id, **body, lines=asked)
    return note, 201, {"Location": f"credit-notes/{note.id}"}


@blueprint.route("/<uuid:note_id>", methods=["GET"])
@operation("billing.credit_note.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, CreditNoteDetail)
def read(note_id: UUID) -> dict[str, Any]:
    note = get(session(), CreditNote, note_id)
    shown = {name: getattr(note, name) for name in CreditNoteOut().fields}
    return {**shown, "lines": service.lines_of_note(session(), note.id)}
