"""What the public API document says of headers and tokens is what the services do."""

import json

from deploy.local.instance import ROOT
from services.gateway.apidocs.write import MERGED

PATHS = json.loads((ROOT / MERGED).read_text())["paths"]


def headers(method: str, path: str) -> dict[str, bool]:
    """The headers an operation names, and whether they must be sent."""
    return {one["name"]: one["required"] for one in PATHS[path][method]["parameters"] if one["in"] == "header"}


def test_a_change_names_the_idempotency_key_that_it_honours_whatever_its_method() -> None:
    site = "/v1/locations/{in_location}/procurement"
    assert headers("post", f"{site}/stock/usage") == {"Idempotency-Key": True}
    assert headers("post", f"{site}/requisitions") == {"Idempotency-Key": False}
    assert headers("put", f"{site}/requisitions/{{requisition_id}}") == {"Idempotency-Key": False, "If-Match": True}
    # The key of a machine is shown once and kept nowhere, and a look changes nothing.
    assert headers("post", "/v1/network/gateway/machine-clients/{client_id}/keys") == {}
    assert headers("get", f"{site}/stock") == {}


def test_the_current_session_asks_for_its_token_and_signing_in_for_none() -> None:
    assert PATHS["/v1/sessions/current"]["get"]["security"] == [{"token": []}]
    assert PATHS["/v1/sessions"]["post"]["security"] == []


def test_an_answer_that_is_there_already_is_described_beside_the_one_that_is_made() -> None:
    site = "/v1/locations/{in_location}"
    for path in (f"{site}/billing/charge-imports", f"{site}/procurement/orders/{{order_id}}/receipts"):
        assert PATHS[path]["post"]["responses"].keys() == {"200", "201", "default"}


def test_a_body_has_to_be_sent_only_where_something_in_it_has_to() -> None:
    paid = "/v1/locations/{in_location}/billing/payments"
    assert PATHS[paid]["post"]["requestBody"]["required"] is True
    assert PATHS[f"{paid}/{{payment_id}}/allocations"]["post"]["requestBody"]["required"] is False
