"""HTTP of the reports of one set of books."""

from datetime import date

from services.billing.reports import service
from services.billing.reports.schemas import ProfitAndLossOut, SpanQuery, TrialBalanceOut, TrialBalanceQuery
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("reports", __name__, description="Reports of the books")


@blueprint.route("/trial-balance", methods=["GET"])
@operation("billing.trial_balance.read", plane="any", scopes=("entity",))
@blueprint.arguments(TrialBalanceQuery, location="query")
@blueprint.response(200, TrialBalanceOut)
def trial_balance(query: dict[str, date]) -> service.TrialBalance:
    return service.trial_balance(session(), context().scope.legal_entity_id, query["as_of"])


@blueprint.route("/profit-and-loss", methods=["GET"])
@operation("billing.profit_and_loss.read", plane="any", scopes=("entity",))
@blueprint.arguments(SpanQuery, location="query")
@blueprint.response(200, ProfitAndLossOut)
def profit_and_loss(query: dict[str, date]) -> dict[str, list[service.SiteResult]]:
    return {"sites": service.profit_and_loss(session(), context().scope.legal_entity_id, **query)}
