"""HTTP of the months of the books."""

from typing import Any

from services.billing.ledger.models import AccountingPeriod
from services.billing.months import of_path
from services.billing.periods import service
from services.billing.periods.schemas import ChecklistOut, ClosingIn, PeriodOut, ReopeningIn
from shared.pagination import Page
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("periods", __name__, url_prefix="/periods", description="Months of the books")


@blueprint.route("", methods=["GET"])
@operation("billing.period.list", plane="any", scopes=("entity",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(PeriodOut))
def list_periods(query: dict[str, Any]) -> Page[AccountingPeriod]:
    return service.listing(session(), **query)


@blueprint.route("/<month>", methods=["GET"])
@operation("billing.period.read", plane="any", scopes=("entity",))
@blueprint.response(200, PeriodOut)
def read(month: str) -> tuple[AccountingPeriod, int, dict[str, str]]:
    period = service.read(session(), context().scope.legal_entity_id, of_path(month))
    return period, 200, etag(period.version)


@blueprint.route("/<month>/checklist", methods=["GET"])
@operation("billing.period_checklist.read", plane="any", scopes=("entity",))
@blueprint.response(200, ChecklistOut)
def checklist(month: str) -> dict[str, Any]:
    day = of_path(month)
    return {"month": day, "items": service.checklist(session(), context().scope.legal_entity_id, day)}


@blueprint.route("/<month>/closing", methods=["POST"])
@operation("billing.period.close", plane="any", scopes=("entity",))
@blueprint.arguments(ClosingIn)
@blueprint.response(200, PeriodOut)
def close(body: dict[str, Any], month: str) -> AccountingPeriod:
    return service.close(session(), context(), of_path(month), **body)


@blueprint.route("/<month>/reopening", methods=["POST"])
@operation("billing.period.reopen", plane="any", scopes=("entity",))
@blueprint.arguments(ReopeningIn)
@blueprint.response(200, PeriodOut)
def reopen(body: dict[str, Any], month: str) -> AccountingPeriod:
    return service.reopen(session(), context(), of_path(month), body["reason"])
