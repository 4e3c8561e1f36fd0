"""HTTP of fee statements and the usage log."""

from typing import Any
from uuid import UUID

from services.billing.fee_statements import queries, service
from services.billing.fee_statements.models import FeeStatement, FeeUsage
from services.billing.fee_statements.schemas import (
    FeeApprovalIn,
    FeeStatementIn,
    FeeStatementListed,
    FeeStatementOut,
    FeeStatementsQuery,
    UsageIn,
    UsageList,
    UsageOut,
)
from services.billing.fees.schemas import AgreementQuery, FeeRefusalIn
from services.billing.fees.service import DECISION
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("fee_statements", __name__, description="Monthly management fee")


@blueprint.route("/fee-statements", methods=["POST"])
@operation("billing.fee_statement.draft", plane="business", scopes=("entity",))
@blueprint.arguments(FeeStatementIn)
@blueprint.response(201, FeeStatementOut)
def draft(body: dict[str, Any]) -> tuple[FeeStatement, int, dict[str, str]]:
    statement = service.draft(session(), context(), **body)
    return statement, 201, {"Location": f"fee-statements/{statement.id}", **etag(statement.version)}


@blueprint.route("/fee-statements", methods=["GET"])
@operation("billing.fee_statement.list", plane="any", scopes=("entity", "network"))
@blueprint.arguments(FeeStatementsQuery, location="query")
@blueprint.response(200, page_of(FeeStatementListed))
def list_statements(query: dict[str, Any]) -> Page[FeeStatement]:
    return queries.listing(session(), **query)


@blueprint.route("/fee-statements/<uuid:statement_id>", methods=["GET"])
@operation("billing.fee_statement.read", plane="any", scopes=("entity",))
@blueprint.response(200, FeeStatementOut)
def read(statement_id: UUID) -> tuple[FeeStatement, int, dict[str, str]]:
    statement = get(session(), FeeStatement, statement_id)
    return statement, 200, etag(statement.version)


@blueprint.route("/fee-statements/<uuid:statement_id>/approval", methods=["POST"])
@operation(
    "billing.fee_statement.approve",
    plane="clinical",
    scopes=("entity",),
    reserved=DECISION,
    idempotency="required",
)
@blueprint.arguments(FeeApprovalIn)
@blueprint.response(200, FeeStatementOut)
def approve(body: dict[str, Any], statement_id: UUID) -> FeeStatement:
    return service.approve(session(), context(), statement_id, body["amount"])


@blueprint.route("/fee-statements/<uuid:statement_id>/refusal", methods=["POST"])
@operation("billing.fee_statement.refuse", plane="clinical", scopes=("entity",), reserved=DECISION)
@blueprint.arguments(FeeRefusalIn)
@blueprint.response(200, FeeStatementOut)
def refuse(body: dict[str, Any], statement_id: UUID) -> FeeStatement:
    return service.refuse(session(), context(), statement_id, body["reason"])


@blueprint.route("/fee-usage", methods=["POST"])
@operation("billing.fee_usage.record", plane="business", scopes=("entity",))
@blueprint.arguments(UsageIn)
@blueprint.response(201, UsageList)
def record_usage(body: dict[str, Any]) -> dict[str, list[FeeUsage]]:
    return {"items": service.record_usage(session(), context(), **body)}


@blueprint.route("/fee-usage", methods=["GET"])
@operation("billing.fee_usage.list", plane="any", scopes=("entity",))
@blueprint.arguments(AgreementQuery, location="query")
@blueprint.response(200, page_of(UsageOut))
def list_usage(query: dict[str, Any]) -> Page[FeeUsage]:
    return queries.usage_log(session(), **query)
