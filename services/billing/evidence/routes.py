"""HTTP of the evidence behind a management fee."""

from typing import Any
from uuid import UUID

from services.billing.evidence import service
from services.billing.evidence.models import CounselMemo, FairMarketValueOpinion
from services.billing.evidence.schemas import MemoIn, MemoOut, OpinionIn, OpinionOut
from shared.db import get
from shared.pagination import Page
from shared.web.fields import PageQuery, page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("evidence", __name__, description="Evidence behind a management fee")


@blueprint.route("/fmv-opinions", methods=["POST"])
@operation("billing.fmv_opinion.record", plane="any", scopes=("entity",))
@blueprint.arguments(OpinionIn)
@blueprint.response(201, OpinionOut)
def record_opinion(body: dict[str, Any]) -> tuple[FairMarketValueOpinion, int, dict[str, str]]:
    row = service.record(session(), context(), FairMarketValueOpinion, **body)
    return row, 201, {"Location": f"fmv-opinions/{row.id}"}


@blueprint.route("/fmv-opinions", methods=["GET"])
@operation("billing.fmv_opinion.list", plane="any", scopes=("entity",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(OpinionOut))
def list_opinions(query: dict[str, Any]) -> Page[FairMarketValueOpinion]:
    return service.listing(session(), FairMarketValueOpinion, **query)


@blueprint.route("/fmv-opinions/<uuid:opinion_id>", methods=["GET"])
@operation("billing.fmv_opinion.read", plane="any", scopes=("entity",))
@blueprint.response(200, OpinionOut)
def read_opinion(opinion_id: UUID) -> FairMarketValueOpinion:
    return get(session(), FairMarketValueOpinion, opinion_id)


@blueprint.route("/counsel-memos", methods=["POST"])
@operation("billing.counsel_memo.record", plane="any", scopes=("entity",))
@blueprint.arguments(MemoIn)
@blueprint.response(201, MemoOut)
def record_memo(body: dict[str, Any]) -> tuple[CounselMemo, int, dict[str, str]]:
    row = service.record(session(), context(), CounselMemo, **body)
    return row, 201, {"Location": f"counsel-memos/{row.id}"}


@blueprint.route("/counsel-memos", methods=["GET"])
@operation("billing.counsel_memo.list", plane="any", scopes=("entity",))
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(MemoOut))
def list_memos(query: dict[str, Any]) -> Page[CounselMemo]:
    return service.listing(session(), CounselMemo, **query)


@blueprint.route("/counsel-memos/<uuid:memo_id>", methods=["GET"])
@operation("billing.counsel_memo.read", plane="any", scopes=("entity",))
@blueprint.response(200, MemoOut)
def read_memo(memo_id: UUID) -> CounselMemo:
    return get(session(), CounselMemo, memo_id)
