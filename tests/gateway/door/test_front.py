"""The whole gateway in one process: sign in, be decided, be answered; its page, its health, its day in the log."""

import time
from typing import Any
from uuid import UUID

import pytest

from services.gateway.apidocs import problems
from services.gateway.apidocs import routes as apidocs
from shared.ids import new_id
from tests.gateway.directory.brand import PASSWORD, Brand
from tests.gateway.door.upstream import Upstream
from tests.support.patience import until

REVOKED_WITHIN_SECONDS = 5.0


def bearer(brand: Brand, name: str, plane: str = "business") -> dict[str, str]:
    answer = brand.sign_in(name, PASSWORD, plane)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def ask(brand: Brand, who: dict[str, str], path: str, method: str = "GET", **options: Any) -> Any:
    return brand.front.test_client().open(path, method=method, headers=who, **options)


def soon(brand: Brand, who: dict[str, str], path: str) -> Any:
    """The answer once the door has heard of a new grant; it remembers the directory for up to two seconds."""
    deadline = time.monotonic() + REVOKED_WITHIN_SECONDS
    while (answer := ask(brand, who, path)).status_code == 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


@pytest.fixture
def entity(brand: Brand) -> str:
    return brand.entity()


@pytest.fixture
def site(brand: Brand, entity: str) -> str:
    return brand.site(entity)


def test_a_signed_in_person_sees_their_site_through_the_door(brand: Brand, site: str) -> None:
    bea = brand.person("Bea Buyer", PASSWORD)
    brand.grant(bea, "location_manager", "location", site)
    who = bearer(brand, "Bea Buyer")
    answer = soon(brand, who, f"/v1/locations/{site}/gateway/locations/{site}")
    assert (answer.status_code, answer.json["id"]) == (200, site)


def test_another_organizations_site_is_not_there(brand: Brand, site: str) -> None:
    other = Brand(brand.app, brand.open_front, brand.keyring, "rival")
    elsewhere = other.site(other.entity(name="Rival PC"))
    bea = brand.person("Bea Buyer", PASSWORD)
    brand.grant(bea, "network_buyer")
    who = bearer(brand, "Bea Buyer")
    theirs = ask(brand, who, f"/v1/locations/{elsewhere}/gateway/locations/{elsewhere}")
    nowhere = ask(brand, who, f"/v1/locations/{new_id()}/gateway/locations/{elsewhere}")
    assert theirs.status_code == nowhere.status_code == 404
    assert {**theirs.json, "request_id": ""} == {**nowhere.json, "request_id": ""}
    assert elsewhere not in ask(brand, who, "/v1/network/gateway/locations").get_data(as_text=True)


def test_a_revoked_grant_stops_within_five_seconds(brand: Brand, site: str) -> None:
    bea = brand.person("Bea Buyer", PASSWORD)
    grant = brand.grant(bea, "location_manager", "location", site)
    who, path = bearer(brand, "Bea Buyer"), f"/v1/locations/{site}/gateway/locations/{site}"
    assert soon(brand, who, path).status_code == 200
    assert brand.admin.post(f"/grants/{grant}/revocation", json={"reason": "left"}).status_code < 300
    revoked = time.monotonic()
    while ask(brand, who, path).status_code == 200:
        assert time.monotonic() - revoked < REVOKED_WITHIN_SECONDS
        time.sleep(0.1)
    assert ask(brand, who, path).status_code == 404


def test_without_an_agreement_the_buyer_is_told_so_and_the_service_hears_nothing(
    brand: Brand, site: str, upstream: Upstream
) -> None:
    bea = brand.person("Bea Buyer", PASSWORD)
    brand.grant(bea, "network_buyer")
    answer = soon(brand, bearer(brand, "Bea Buyer"), f"/v1/locations/{site}/procurement/requisitions")
    assert (answer.status_code, answer.json["policy"]) == (403, "wall.agreement-in-force")
    assert upstream.seen == []


def test_what_the_door_decided_can_be_looked_through_by_those_who_watch(brand: Brand, site: str) -> None:
    bea, cora = brand.person("Bea Buyer", PASSWORD), brand.person("Cora Compliance", PASSWORD)
    brand.grant(bea, "network_buyer")
    brand.grant(cora, "compliance_officer")
    refused = soon(brand, bearer(brand, "Bea Buyer"), f"/v1/locations/{site}/procurement/requisitions")
    watcher, listing = bearer(brand, "Cora Compliance"), f"/v1/network/gateway/decisions?principal_id={bea}"
    found = until(lambda: ask(brand, watcher, listing + "&policy=wall.agreement-in-force").json["items"], 5)
    assert (found[0]["outcome"], found[0]["policy"]) == ("deny", "wall.agreement-in-force")
    assert found[0]["request_id"] == refused.json["request_id"]
    assert UUID(found[0]["address_id"]) == UUID(site)
    assert ask(brand, bearer(brand, "Bea Buyer"), listing).status_code == 403


def test_the_chain_of_an_organization_is_verified_over_the_api(brand: Brand) -> None:
    cora = brand.person("Cora Compliance", PASSWORD)
    brand.grant(cora, "compliance_officer")
    who = bearer(brand, "Cora Compliance")
    answer = ask(brand, who, "/v1/network/gateway/audit/verification")
    assert (answer.status_code, answer.json["sound"], answer.json["organization_id"]) == (200, True, str(brand.id))
    assert ask(brand, who, "/v1/network/gateway/audit/heads/2026-13-40").status_code == 404


def test_the_page_of_the_api_loads_nothing_from_elsewhere(brand: Brand) -> None:
    client = brand.front.test_client()
    page = client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http:" not in page.text and "https:" not in page.text
    for name in apidocs.SERVED:
        with client.get(f"/docs/assets/{name}") as asset:
            assert asset.status_code == 200
    assert client.get("/docs/start.js").mimetype == "text/javascript"
    assert client.get("/docs/assets/../app.py").status_code == 404
    assert client.get("/docs/assets/LICENSE").status_code == 404


def test_every_kind_of_problem_has_a_place_on_the_page_its_type_leads_to() -> None:
    page = problems.page("# Problems\n\n## self-approval\n\n403. A requester may not <approve>.\n")
    assert '<h2 id="self-approval">self-approval</h2>' in page
    assert "<p>403. A requester may not &lt;approve&gt;.</p>" in page


def test_the_document_describes_every_operation_under_every_url_it_has(brand: Brand) -> None:
    paths: Any = brand.front.test_client().get("/openapi.json").get_json()["paths"]
    assert paths["/v1/locations/{in_location}/procurement/requisitions"]["get"]["security"] == [{"token": []}]
    assert "/v1/network/procurement/requisitions" in paths
    assert paths["/v1/sessions"]["post"]["security"] == []
    declared = {body["operationId"] for item in paths.values() for body in item.values()}
    assert len(declared) == sum(len(item) for item in paths.values())


def test_the_gateway_says_that_it_is_alive_and_ready(brand: Brand) -> None:
    client = brand.front.test_client()
    assert client.get("/livez").json == {"status": "alive"}
    assert client.get("/readyz").status_code == 200


def test_metrics_never_pass_the_door(brand: Brand) -> None:
    assert brand.front.test_client().get("/metrics").status_code == 404


def test_an_open_route_asked_in_another_way_names_its_methods(brand: Brand) -> None:
    for method, path, allowed in (
        ("GET", "/v1/sessions", "POST"),
        ("OPTIONS", "/v1/sessions", "POST"),
        ("PATCH", "/v1/sessions/current", "DELETE, GET, HEAD"),
    ):
        answer = ask(brand, {}, path, method)
        assert (answer.status_code, answer.headers.get("Allow")) == (405, allowed)
    assert ask(brand, {}, "/v1/nowhere", "OPTIONS").status_code == 404
