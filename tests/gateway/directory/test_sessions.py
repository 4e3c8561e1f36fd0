"""Sessions: short tokens, refresh tokens that work once, one plane at a time."""

import base64
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.clock import frozen, now
from shared.identity import sign
from tests.gateway.directory.brand import PASSWORD, Brand, ok, refused


@pytest.fixture
def bea(brand: Brand) -> str:
    """A user on both planes."""
    user = brand.person("Bea Buyer", PASSWORD)
    brand.grant(user, "auditor")
    brand.grant(user, "clinical_entity_owner", "legal_entity", brand.entity())
    return user


def _current(brand: Brand, token: str) -> TestResponse:
    return brand.front.test_client().get("/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})


def _post(brand: Brand, path: str, **body: Any) -> TestResponse:
    return brand.front.test_client().post(f"/v1/sessions{path}", json=body)


def test_a_session_acts_on_the_plane_that_was_chosen(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea", plane="clinical"), 201)
    assert tokens["expires_in"] <= 600
    seen = ok(_current(brand, tokens["access_token"]))
    assert (seen["plane"], seen["user_id"], seen["planes"]) == ("clinical", bea, ["business", "clinical"])


def test_nobody_signs_in_on_a_plane_where_they_hold_no_role(brand: Brand) -> None:
    user = brand.person("Carl Clerk", PASSWORD)
    refused(brand.sign_in("Carl"), 403, "no-role-on-plane")
    brand.grant(user, "auditor")
    assert refused(brand.sign_in("Carl", plane="clinical"), 403, "no-role-on-plane")["planes"] == ["business"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "bea@lumina.example", "password": PASSWORD},
        {"email": "bea@lumina.example", "password": PASSWORD, "plane": "both"},
        {"email": "bea", "password": PASSWORD, "plane": "business"},
        {"email": "bea@lumina.example", "password": PASSWORD, "plane": "business", "admin": True},
        {"email": "bea@lumina.example", "password": {"$ne": ""}, "plane": "business"},
    ],
)
def test_a_malformed_sign_in_is_refused(brand: Brand, body: dict[str, Any]) -> None:
    assert _post(brand, "", **body).status_code == 422


def test_an_access_token_expires(brand: Brand, bea: str) -> None:
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    with frozen(now() + timedelta(minutes=10, seconds=5)):
        refused(_current(brand, token), 401, "bad-token")


def test_a_tampered_or_foreign_token_is_refused(brand: Brand, bea: str) -> None:
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))

    def encoded(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    promoted = encoded({**claims, "plane": "clinical"})
    unsigned = encoded({"alg": "none", "kid": json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]})
    hmac = encoded({"alg": "HS256", "kid": json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]})
    forged = [
        f"{head}.{promoted}.{signature}",
        f"{unsigned}.{promoted}.",
        f"{hmac}.{promoted}.{signature}",
        f"{head}.{body}.",
        "a.b.c",
        "x" * 5000,
    ]
    for bad in forged:
        refused(_current(brand, bad), 401, "bad-token")


def test_a_context_token_opens_no_session_and_a_session_no_service(brand: Brand, bea: str) -> None:
    refused(_current(brand, brand.admin.token_for("gateway.user.list")), 401, "bad-token")
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    answer = brand.app.test_client().get("/users", headers={"Partywall-Context": token})
    refused(answer, 401, "bad-token")


def test_a_token_for_a_session_that_never_was_is_refused(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea"), 201)
    body = tokens["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    made_up = sign(brand.keyring, {**claims, "sid": bea})
    refused(_current(brand, made_up), 401, "session-over")


def test_a_missing_or_other_scheme_is_refused(brand: Brand) -> None:
    client = brand.front.test_client()
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}):
        answer = client.get("/v1/sessions/current", headers=headers)
        refused(answer, 401, "bad-token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_gets_new_tokens_once(brand: Brand, bea: str) -> None:
    first = ok(brand.sign_in("Bea"), 201)
    second = ok(_post(brand, "/refresh", refresh_token=first["refresh_token"]))
    assert second["session_id"] == first["session_id"]
    ok(_current(brand, second["access_token"]))


def test_a_refresh_token_used_twice_ends_the_whole_family(brand: Brand, bea: str) -> None:
    first = ok(brand.sign_in("Bea"), 201)
    second = ok(_post(brand, "/plane", refresh_token=first["refresh_token"], plane="clinical"), 201)
    elsewhere = ok(brand.sign_in("Bea"), 201)
    refused(_post(brand, "/refresh", refresh_token=first["refresh_token"]), 401, "refresh-refused")
    refused(_current(brand, second["access_token"]), 401, "session-over")
    refused(_post(brand, "/refresh", refresh_token=second["refresh_token"]), 401, "refresh-refused")
    ok(_current(brand, elsewhere["access_token"]))
    assert "gateway.session.reuse" in [told["action"] for told in brand.told("gateway.audit.recorded")]


def test_two_refreshes_at_once_give_tokens_to_one_only(brand: Brand, bea: str) -> None:
    token = ok(brand.sign_in("Bea"), 201)["refresh_token"]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(_post(brand, "/refresh", refresh_token=token).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 401, 401, 401]


def test_one_person_signs_in_at_several_places_at_once(brand: Brand, bea: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: brand.sign_in("Bea").status_code, range(60)))
    assert Counter(answers) == {201: 60}


def test_an_unknown_or_idle_refresh_token_is_refused(brand: Brand, bea: str) -> None:
    refused(_post(brand, "/refresh", refresh_token="made up"), 401, "refresh-refused")
    token = ok(brand.sign_in("Bea"), 201)["refresh_token"]
    with frozen(now() + timedelta(hours=4, minutes=1)):
        refused(_post(brand, "/refresh", refresh_token=token), 401, "refresh-refused")


def test_refreshing_does_not_prolong_a_session_for_ever(brand: Brand, bea: str) -> None:
    start, token = now(), ok(brand.sign_in("Bea"), 201)["refresh_token"]
    for hours in (3, 6, 9, 12):
        with frozen(start + timedelta(hours=hours)):
            token = ok(_post(brand, "/refresh", refresh_token=token))["refresh_token"]
    with frozen(start + timedelta(hours=14, minutes=1)):
        refused(_post(brand, "/refresh", refresh_token=token), 401, "refresh-refused")


def test_changing_the_plane_ends_the_session_on_the_other(brand: Brand, bea: str) -> None:
    business = ok(brand.sign_in("Bea"), 201)
    clinical = ok(_post(brand, "/plane", refresh_token=business["refresh_token"], plane="clinical"), 201)
    assert ok(_current(brand, clinical["access_token"]))["plane"] == "clinical"
    refused(_current(brand, business["access_token"]), 401, "session-over")
    assert "gateway.session.change_plane" in [told["action"] for told in brand.told("gateway.audit.recorded")]


def test_changing_to_a_plane_without_a_role_changes_nothing(brand: Brand) -> None:
    user = brand.person("Carl Clerk", PASSWORD)
    brand.grant(user, "auditor")
    tokens = ok(brand.sign_in("Carl"), 201)
    refused(_post(brand, "/plane", refresh_token=tokens["refresh_token"], plane="clinical"), 403, "no-role-on-plane")
    ok(_post(brand, "/refresh", refresh_token=tokens["refresh_token"]))


def test_signing_out_ends_the_session_and_its_refresh_token(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea"), 201)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert brand.front.test_client().delete("/v1/sessions/current", headers=headers).status_code == 204
    refused(_current(brand, tokens["access_token"]), 401, "session-over")
    refused(_post(brand, "/refresh", refresh_token=tokens["refresh_token"]), 401, "refresh-refused")
    assert brand.front.test_client().delete("/v1/sessions/current", headers=headers).status_code == 401


def test_a_new_password_ends_every_session_before_it(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea"), 201)
    body = {"email": brand.email("Bea"), "password": PASSWORD, "new_password": "another good phrase"}
    assert brand.front.test_client().put("/v1/password", json=body).status_code == 204
    refused(_current(brand, tokens["access_token"]), 401, "session-over")
    ok(brand.sign_in("Bea", "another good phrase"), 201)


def test_locking_a_user_ends_their_sessions_and_unlocking_lets_them_in_again(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea"), 201)
    ok(brand.admin.post(f"/users/{bea}/lock"))
    refused(_current(brand, tokens["access_token"]), 401, "session-over")
    refused(_post(brand, "/refresh", refresh_token=tokens["refresh_token"]), 401, "refresh-refused")
    refused(brand.sign_in("Bea"), 401, "bad-credentials")
    ok(brand.admin.delete(f"/users/{bea}/lock"))
    ok(brand.sign_in("Bea"), 201)


def test_sign_ins_are_audited_without_secrets(brand: Brand, bea: str) -> None:
    tokens = ok(brand.sign_in("Bea"), 201)
    told = [each for each in brand.told("gateway.audit.recorded") if each["action"] == "gateway.session.start"]
    assert [each["subject_id"] for each in told] == [tokens["session_id"]]
    assert told[0]["detail"] == {"user_id": bea, "plane": "business"}
