"""Clearances of dual roles over HTTP: /dual-role-clearances."""

from typing import Any

from services.hr.employers import service
from services.hr.employers.rules import DUAL_ROLE
from services.hr.employers.schemas import ClearanceIn, ClearanceOut
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint(
    "dual_role_clearances", __name__, url_prefix="/dual-role-clearances", description="People who work for both sides."
)


@blueprint.route("", methods=["POST"])
@operation("hr.dual_role.clear", plane="clinical", scopes=("entity",), reserved=DUAL_ROLE)
@blueprint.arguments(ClearanceIn)
@blueprint.response(201, ClearanceOut)
def clear(body: dict[str, Any]) -> Any:
    """Clear somebody who works for the business side and for this clinical entity, or take it back."""
    return service.clear(session(), context(), **body)
