"""HTTP of patient accounts. Nothing here takes patient data in a URL."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import current_app

from services.billing.accounts import service
from services.billing.accounts.models import Details, PatientAccount, check_may_see
from services.billing.accounts.schemas import (
    AccountChange,
    AccountIn,
    AccountListed,
    AccountLookup,
    AccountOut,
    AccountQuery,
    AccountRef,
    PurposeQuery,
)
from services.billing.sealing import FieldKeys
from shared.pagination import Page
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts", description="Patient accounts")


def field_keys() -> FieldKeys:
    """The field keys of this process."""
    keys: FieldKeys = current_app.extensions["billing_field_keys"]
    return keys


@blueprint.route("", methods=["GET"])
@operation("billing.account.list", plane="any", scopes=("location", "entity"), data_class="patient_account")
@blueprint.arguments(AccountQuery, location="query")
@blueprint.response(200, page_of(AccountListed))
def list_accounts(query: dict[str, Any]) -> Page[service.Listed]:
    return service.listing(session(), field_keys(), context(), **query)


@blueprint.route("", methods=["POST"])
@operation("billing.account.open", plane="any", scopes=("location",), data_class="patient_account")
@blueprint.arguments(AccountIn)
@blueprint.response(201, AccountRef)
def open_account(body: dict[str, Any]) -> tuple[PatientAccount, int, dict[str, str]]:
    check_may_see(context())
    source_system = body.pop("source_system")
    place = service.Place.of(context())
    account = service.open_account(session(), field_keys(), place, source_system, Details(**body))
    return account, 201, {"Location": f"accounts/{account.id}", **etag(account.version)}


@blueprint.route("/lookup", methods=["POST"])
@operation("billing.account.lookup", plane="any", scopes=("location",), data_class="patient_account", writes=False)
@blueprint.arguments(AccountLookup)
@blueprint.response(200, AccountRef)
def look_up(body: dict[str, Any]) -> PatientAccount:
    return service.look_up(session(), field_keys(), context(), **body)


@blueprint.route("/<uuid:account_id>", methods=["GET"])
@operation("billing.account.read", plane="any", scopes=("location", "entity"), data_class="patient_account")
@blueprint.arguments(PurposeQuery, location="query")
@blueprint.response(200, AccountOut)
def read(query: dict[str, Any], account_id: UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    account, details = service.read(session(), field_keys(), context(), account_id, query["purpose"])
    known = {name: getattr(account, name) for name in (*AccountRef().fields, "source_system")}
    return {**known, **asdict(details)}, 200, etag(account.version)


@blueprint.route("/<uuid:account_id>", methods=["PATCH"])
@operation("billing.account.change", plane="any", scopes=("location",), data_class="patient_account", versioned=True)
@blueprint.arguments(AccountChange)
@blueprint.response(200, AccountRef)
def change(body: dict[str, Any], account_id: UUID) -> tuple[PatientAccount, int, dict[str, str]]:
    check_may_see(context())
    account = service.locked(session(), account_id)
    require_match(account.version)
    service.change(session(), field_keys(), account, body)
    return account, 200, etag(account.version)
