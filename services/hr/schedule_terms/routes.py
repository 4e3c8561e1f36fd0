"""Schedule terms over HTTP: /schedule-terms."""

from typing import Any

from services.hr.schedule_terms import service
from services.hr.schedule_terms.schemas import TermsIn, TermsOut
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint(
    "schedule_terms", __name__, url_prefix="/schedule-terms", description="The owner's terms for clinicians' rosters."
)


@blueprint.route("", methods=["POST"])
@operation("hr.schedule_terms.set", plane="clinical", scopes=("entity",), reserved=service.DECISION)
@blueprint.arguments(TermsIn)
@blueprint.response(201, TermsOut)
def set_terms(body: dict[str, Any]) -> Any:
    """Set the terms, as the owner of the clinical entity."""
    return service.set_terms(session(), context(), body)


@blueprint.route("", methods=["GET"])
@operation("hr.schedule_terms.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(TermsOut))
def listing(query: dict[str, Any]) -> Any:
    """The terms set, newest first."""
    return service.find(session(), **query)
