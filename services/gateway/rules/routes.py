"""Rules over HTTP, read only: the dataset is reviewed in its files and loaded in versions."""

from datetime import date
from typing import Any

from services.gateway.rules import service
from services.gateway.rules.dataset import NOTICE
from services.gateway.rules.schemas import RuleDayQuery, RuleOut, RuleQuery, RulesOut
from shared import rules
from shared.clock import today
from shared.rules import Rule
from shared.web.operations import Blueprint, operation, session

blueprint = Blueprint("rules", __name__, url_prefix="/rules", description="What the law asks, as reviewed data")


@blueprint.route("", methods=["GET"])
@operation("gateway.rule.list", plane="any", scopes=("network", "entity", "location"))
@blueprint.arguments(RuleQuery, location="query")
@blueprint.response(200, RulesOut)
def list_rules(query: dict[str, Any]) -> Any:
    """All entries of a kind in force on a day, by key."""
    on = query["on"] or today()
    return {"items": [_shown(rule, on) for rule in rules.rules(session(), query["kind"], on)], "notice": NOTICE}


@blueprint.route("/<string:kind>/<string:key>", methods=["GET"])
@operation("gateway.rule.read", plane="any", scopes=("network", "entity", "location"))
@blueprint.arguments(RuleDayQuery, location="query")
@blueprint.response(200, RuleOut)
def read(query: dict[str, Any], kind: str, key: str) -> Any:
    """One entry in force on a day."""
    on = query["on"] or today()
    return {**_shown(service.read(session(), kind, key, on), on), "notice": NOTICE}


def _shown(rule: Rule, on: date) -> dict[str, Any]:
    names = ("kind", "key", "dataset_version", "effective_from", "effective_to", "reviewed", "body")
    return {**{name: getattr(rule, name) for name in names}, "stale": rule.is_stale(on)}
