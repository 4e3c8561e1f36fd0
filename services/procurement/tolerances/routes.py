"""Tolerances over HTTP."""

from decimal import Decimal
from typing import Any

from services.procurement.tolerances import schemas, service
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint(
    "tolerances", __name__, url_prefix="/tolerances", description="How far receipts and bills may differ"
)


@blueprint.route("", methods=["GET"])
@operation("procurement.tolerances.read", plane="business", scopes=("location", "entity", "network"))
@blueprint.response(200, schemas.TolerancesOut)
def read() -> Any:
    """The tolerances in force."""
    found = service.current(session(), context().organization_id)
    return found, 200, etag(found.version)


@blueprint.route("", methods=["PUT"])
@operation("procurement.tolerances.update", plane="business", scopes=("organization",), versioned=True)
@blueprint.arguments(schemas.TolerancesIn)
@blueprint.response(200, schemas.TolerancesOut)
def change(body: dict[str, Decimal]) -> Any:
    """Set the tolerances (If-Match; the defaults have version 0)."""
    require_match(service.current(session(), context().organization_id).version)
    changed = service.change(session(), context(), **body)
    return changed, 200, etag(changed.version)
