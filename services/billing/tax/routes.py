"""HTTP of tax rules."""

from typing import Any

from services.billing.tax import service
from services.billing.tax.models import TaxRule
from services.billing.tax.schemas import TaxRuleIn, TaxRuleOut, TaxRuleQuery
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("tax_rules", __name__, url_prefix="/tax-rules", description="Sales tax by place and item class")


@blueprint.route("", methods=["GET"])
@operation("billing.tax_rule.list", plane="any", scopes=("location", "entity", "network", "organization"))
@blueprint.arguments(TaxRuleQuery, location="query")
@blueprint.response(200, page_of(TaxRuleOut))
def list_rules(query: dict[str, Any]) -> Page[TaxRule]:
    return service.listing(session(), **query)


@blueprint.route("", methods=["POST"])
@operation("billing.tax_rule.record", plane="business", scopes=("organization",))
@blueprint.arguments(TaxRuleIn)
@blueprint.response(201, TaxRuleOut)
def record(body: dict[str, Any]) -> TaxRule:
    return service.record(session(), context().organization_id, context().principal_id, **body)
