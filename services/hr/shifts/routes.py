"""Shifts over HTTP: /shifts."""

from typing import Any
from uuid import UUID

from services.hr.shifts import schemas, service
from services.hr.shifts.models import Rostered, Shift
from shared.db import get, lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, ScopeKind, context, etag, operation, require_match, session

READ: tuple[ScopeKind, ...] = ("location", "entity", "network")
blueprint = Blueprint("shifts", __name__, url_prefix="/shifts", description="Who works when at a site.")


def _one(row: Shift) -> Rostered:
    return service.rostered(session(), [row])[0]


@blueprint.route("", methods=["POST"])
@operation("hr.shift.draft", plane="any", scopes=("location",))
@blueprint.arguments(schemas.ShiftIn)
@blueprint.response(201, schemas.ShiftOut)
def draft(body: dict[str, Any]) -> Any:
    """Plan a shift in the site's local time."""
    row = service.draft(session(), context(), body)
    return _one(row), 201, {"Location": f"/shifts/{row.id}", **etag(row.version)}


@blueprint.route("", methods=["GET"])
@operation("hr.shift.list", plane="any", scopes=READ)
@blueprint.arguments(schemas.ShiftsQuery, location="query")
@blueprint.response(200, page_of(schemas.ShiftOut))
def listing(query: dict[str, Any]) -> Any:
    """The roster, in the order in which shifts begin."""
    return service.find(session(), **query)


@blueprint.route("/<uuid:shift_id>", methods=["GET"])
@operation("hr.shift.read", plane="any", scopes=READ)
@blueprint.response(200, schemas.ShiftOut)
def read(shift_id: UUID) -> Any:
    """One shift."""
    row = get(session(), Shift, shift_id)
    return _one(row), 200, etag(row.version)


@blueprint.route("/<uuid:shift_id>", methods=["PUT"])
@operation("hr.shift.change", plane="any", scopes=("location",), versioned=True)
@blueprint.arguments(schemas.SpanIn)
@blueprint.response(200, schemas.ShiftOut)
def change(body: dict[str, Any], shift_id: UUID) -> Any:
    """Move a draft (If-Match)."""
    row = lock(session(), Shift, shift_id)
    require_match(row.version)
    service.move(row, body)
    session().flush()
    return _one(row), 200, etag(row.version)


@blueprint.route("/<uuid:shift_id>/checks", methods=["GET"])
@operation("hr.shift_check.read", plane="any", scopes=("location",))
@blueprint.response(200, schemas.ChecksOut)
def checks(shift_id: UUID) -> Any:
    """Everything that keeps the shift from being published, and what was let pass."""
    row = get(session(), Shift, shift_id)
    missing, given = service.check(session(), row), service.overrides(session(), row)
    ready = all(each.waivable and each.item in given for each in missing)
    return {"missing": missing, "overridden": list(given.values()), "can_be_published": ready}


@blueprint.route("/<uuid:shift_id>/overrides", methods=["POST"])
@operation("hr.shift.override", plane="any", scopes=("location",))
@blueprint.arguments(schemas.OverrideIn)
@blueprint.response(201, schemas.OverrideOut)
def override(body: dict[str, Any], shift_id: UUID) -> Any:
    """Let the shift pass without one thing that no law asks for, by name and with a reason."""
    return service.override(session(), context(), shift_id, **body)


@blueprint.route("/<uuid:shift_id>/publication", methods=["POST"])
@operation("hr.shift.publish", plane="any", scopes=("location",))
@blueprint.response(200, schemas.ShiftOut)
def publish(shift_id: UUID) -> Any:
    """Put the shift on the roster; refused with everything that is missing."""
    row = service.publish(session(), context(), shift_id)
    return _one(row), 200, etag(row.version)


@blueprint.route("/<uuid:shift_id>/withdrawal", methods=["POST"])
@operation("hr.shift.unpublish", plane="any", scopes=("location",))
@blueprint.arguments(schemas.ReasonIn)
@blueprint.response(200, schemas.ShiftOut)
def unpublish(body: dict[str, Any], shift_id: UUID) -> Any:
    """Take a published shift back to draft."""
    row = service.unpublish(session(), shift_id, body["reason"])
    return _one(row), 200, etag(row.version)


@blueprint.route("/<uuid:shift_id>/cancellation", methods=["POST"])
@operation("hr.shift.cancel", plane="any", scopes=("location",))
@blueprint.arguments(schemas.ReasonIn)
@blueprint.response(200, schemas.ShiftOut)
def cancel(body: dict[str, Any], shift_id: UUID) -> Any:
    """Give the shift up for good."""
    row = service.cancel(session(), shift_id, body["reason"])
    return _one(row), 200, etag(row.version)
