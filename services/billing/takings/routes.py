"""HTTP of a day's takings."""

from datetime import date

from services.billing.takings import service
from services.billing.takings.schemas import TakingsOut
from shared.errors import NotFound
from shared.web.operations import Blueprint, operation, session

blueprint = Blueprint("takings", __name__, url_prefix="/takings", description="A day's takings")


@blueprint.route("/<string:day>", methods=["GET"])
@operation("billing.takings.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, TakingsOut)
def read(day: str) -> service.Takings:
    try:
        return service.of_day(session(), date.fromisoformat(day))
    except ValueError:
        raise NotFound("A day is written 2026-11-22.") from None
