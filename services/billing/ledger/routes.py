"""HTTP of the books of one legal entity."""

from typing import Any
from uuid import UUID

from services.billing.ledger import queries, service
from services.billing.ledger.models import JournalEntry, LedgerAccount
from services.billing.ledger.schemas import (
    AccountStatementOut,
    JournalEntryIn,
    JournalEntryOut,
    JournalQuery,
    LedgerAccountIn,
    LedgerAccountList,
    LedgerAccountOut,
    ReversalIn,
    StatementQuery,
)
from shared.db import get
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, operation, session

blueprint = Blueprint("ledger", __name__, description="Books: accounts and journal")


@blueprint.route("/ledger-accounts", methods=["GET"])
@operation("billing.ledger_account.list", plane="any", scopes=("entity",))
@blueprint.response(200, LedgerAccountList)
def list_accounts() -> dict[str, list[LedgerAccount]]:
    return {"items": queries.accounts(session(), context().scope.legal_entity_id)}


@blueprint.route("/ledger-accounts", methods=["POST"])
@operation("billing.ledger_account.add", plane="business", scopes=("entity",))
@blueprint.arguments(LedgerAccountIn)
@blueprint.response(201, LedgerAccountOut)
def add_account(body: dict[str, Any]) -> tuple[LedgerAccount, int, dict[str, str]]:
    account = queries.add_account(session(), context().scope.legal_entity_id, **body)
    return account, 201, {"Location": f"ledger-accounts/{account.code}/statement"}


@blueprint.route("/ledger-accounts/<code>/statement", methods=["GET"])
@operation("billing.ledger_account.read", plane="any", scopes=("entity",))
@blueprint.arguments(StatementQuery, location="query")
@blueprint.response(200, AccountStatementOut)
def read_statement(query: dict[str, Any], code: str) -> queries.Statement:
    return queries.statement(session(), context().scope.legal_entity_id, code, **query)


@blueprint.route("/journal", methods=["GET"])
@operation("billing.journal_entry.list", plane="any", scopes=("entity",))
@blueprint.arguments(JournalQuery, location="query")
@blueprint.response(200, page_of(JournalEntryOut))
def list_entries(query: dict[str, Any]) -> Page[JournalEntry]:
    return queries.journal(session(), **query)


@blueprint.route("/journal/<uuid:entry_id>", methods=["GET"])
@operation("billing.journal_entry.read", plane="any", scopes=("entity",))
@blueprint.response(200, JournalEntryOut)
def read_entry(entry_id: UUID) -> JournalEntry:
    return get(session(), JournalEntry, entry_id)


@blueprint.route("/journal", methods=["POST"])
@operation("billing.journal_entry.post", plane="business", scopes=("entity",), idempotency="required")
@blueprint.arguments(JournalEntryIn)
@blueprint.response(201, JournalEntryOut)
def post_entry(body: dict[str, Any]) -> tuple[JournalEntry, int, dict[str, str]]:
    return _created(service.post_by_hand(session(), context().scope.legal_entity_id, **body))


@blueprint.route("/journal/<uuid:entry_id>/reversal", methods=["POST"])
@operation("billing.journal_entry.reverse", plane="business", scopes=("entity",), idempotency="required")
@blueprint.arguments(ReversalIn)
@blueprint.response(201, JournalEntryOut)
def reverse_entry(body: dict[str, Any], entry_id: UUID) -> tuple[JournalEntry, int, dict[str, str]]:
    return _created(service.reverse(session(), entry_id, **body))


def _created(posted: JournalEntry) -> tuple[JournalEntry, int, dict[str, str]]:
    return get(session(), JournalEntry, posted.id), 201, {"Location": f"journal/{posted.id}"}
