"""Stock over HTTP."""

from typing import Any

from services.procurement.inventory import schemas, service
from services.procurement.inventory.service import Taking
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("stock", __name__, url_prefix="/stock", description="What is on hand, and how it moved")


@blueprint.route("", methods=["GET"])
@operation("procurement.stock.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.StockQuery, location="query")
@blueprint.response(200, page_of(schemas.OnHandOut))
def on_hand(query: dict[str, Any]) -> Any:
    """What is on hand by item and lot, in base units."""
    return service.on_hand(session(), **query)


@blueprint.route("/moves", methods=["GET"])
@operation("procurement.stock_move.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(schemas.StockQuery, location="query")
@blueprint.response(200, page_of(schemas.MoveOut))
def moves(query: dict[str, Any]) -> Any:
    """How stock moved, newest first."""
    return service.moves(session(), **query)


@blueprint.route("/picks", methods=["GET"])
@operation("procurement.stock_pick.list", plane="any", scopes=("location",))
@blueprint.arguments(schemas.PickQuery, location="query")
@blueprint.response(200, schemas.PicksOut)
def picks(query: dict[str, Any]) -> Any:
    """Which lots to take, the first to expire first."""
    return {"picks": service.suggest(session(), context(), **query)}


@blueprint.route("/usage", methods=["POST"])
@operation("procurement.stock.use", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(schemas.UsageIn)
@blueprint.response(201, schemas.MovesOut)
def use(body: dict[str, Any]) -> Any:
    """Take stock for treatment or the office; without a lot, the first to expire goes first."""
    return {"moves": service.use(session(), context(), Taking(**body))}


@blueprint.route("/waste", methods=["POST"])
@operation("procurement.stock.waste", plane="any", scopes=("location",), idempotency="required")
@blueprint.arguments(schemas.WasteIn)
@blueprint.response(201, schemas.MovesOut)
def waste(body: dict[str, Any]) -> Any:
    """Throw stock away; drugs and biologics before a witness."""
    return {"moves": service.waste(session(), context(), Taking(**body))}
