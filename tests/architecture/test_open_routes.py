"""The routes that need no context token, which the proof of the wall leaves out: each takes a secret of its own and no
other, or tells everybody the same."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services.gateway.app import create, create_directory
from services.gateway.sessions.models import LONGEST
from shared.clock import frozen, now
from shared.feed import CALLER
from shared.identity import sign
from shared.ids import new_id
from shared.keys import Keyring
from shared.settings import SERVICES, Settings
from shared.tenancy import Scope
from shared.web.app import operation_of
from tests.gateway.directory.brand import PASSWORD, Brand, ok, refused
from tests.proof.wall import forged
from tests.support.callers import Caller

ACCESS_TOKEN = {"gateway.session.read", "gateway.session.end"}
REFRESH_TOKEN = {"gateway.session.refresh", "gateway.session.change_plane"}
PASSWORDS = {"gateway.session.start", "gateway.session.change_password"}
DOOR = {"gateway.door.enter"}
FEED = {"shared.feed.read"}
SAME_FOR_ALL = {
    "gateway.api.asset",
    "gateway.api.page",
    "gateway.api.problems",
    "gateway.api.read",
    "gateway.api.start",
    "shared.health.live",
    "shared.health.ready",
}
Tokens = list[tuple[str, str]]


class Route(NamedTuple):
    """Where an open operation is found."""

    method: str
    path: str


def opened(app: Flask) -> dict[str, Route]:
    """The open routes of an app, by operation."""
    found = {}
    for rule in app.url_map.iter_rules():
        declared = operation_of(app, rule.endpoint)
        if declared is not None and not declared.scopes:
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS", "TRACE", "QUERY"}))
            found[declared.operation] = Route(method, rule.rule)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_open_route_is_attacked_here(make_app: Callable[..., Flask], service: str) -> None:
    here = FEED | SAME_FOR_ALL
    here |= ACCESS_TOKEN | REFRESH_TOKEN | PASSWORDS | DOOR if service == "gateway" else set()
    found = set(opened(make_app(service)))
    assert found - here == set(), "an open route that nobody attacks"
    assert service != "gateway" or found == here


@pytest.fixture
def brand(make_settings: Callable[..., Settings], gateway_keys: Keyring) -> Iterator[Brand]:
    """A franchise in which Bea may sign in, behind the whole gateway."""
    settings = make_settings("gateway")
    app, front = create_directory(settings), create(settings)
    made = Brand(app, lambda: front, gateway_keys)
    made.grant(made.person("Bea Buyer", PASSWORD), "auditor")
    yield made
    for each in (app, front):
        each.extensions["partywall"].database.close()


def ask(app: Flask, route: Route, token: str | None = None, **options: Any) -> TestResponse:
    headers = {**options.pop("headers", {}), **({} if token is None else {"Authorization": f"Bearer {token}"})}
    return app.test_client().open(route.path, method=route.method, headers=headers, buffered=True, **options)


def misfits(keys: Keyring, good: str) -> Tokens:
    """What `good` becomes in the hands of somebody who may not have it."""
    return [
        ("none", ""),
        ("forged", "nothing.like.it"),
        ("forged", forged.unsigned(keys, good)),
        ("forged", forged.by_nobody(keys, good)),
        ("forged", forged.altered(good)),
        ("expired", forged.expired(keys, good)),
        ("from the future", forged.from_the_future(keys, good)),
        ("wrong audience", forged.signed(keys, good, aud="procurement")),
        ("wrong issuer", forged.signed(keys, good, iss="procurement")),
    ]


def of_other_use(brand: Brand, keys_folder: Path) -> Tokens:
    """Tokens that are good for something else."""
    made = int(now().timestamp())
    feed = {"iss": "gateway", "aud": "gateway", "iat": made, "exp": made + 60, "use": "feed"}
    return [
        ("a context token", brand.admin.token_for("gateway.region.list")),
        ("a feed's token", sign(brand.keyring, feed)),
        ("another service's signature", sign(Keyring(keys_folder, "hr"), {**feed, "iss": "hr", "aud": "partywall"})),
        ("a refresh token", secrets.token_urlsafe(32)),
    ]


@pytest.mark.parametrize("operation", sorted(ACCESS_TOKEN | DOOR))
def test_a_session_and_the_door_open_to_an_access_token_only(brand: Brand, keys_folder: Path, operation: str) -> None:
    signed_in, app = ok(brand.sign_in("Bea"), 201), brand.front
    good = signed_in["access_token"]
    current = opened(app)["gateway.session.read"]
    route = Route("GET", "/v1/network/gateway/regions") if operation in DOOR else opened(app)[operation]
    attacks = [*misfits(brand.keyring, good), *of_other_use(brand, keys_folder)]
    attacks.append(("its refresh token", signed_in["refresh_token"]))
    for case, token in attacks:
        assert ask(app, route, token).status_code == 401, case
    refused(ask(app, route), 401, "bad-token")
    ok(ask(app, current, good))  # none of them ended the session
    assert ask(app, route, good).status_code in (200, 204)


@pytest.mark.parametrize("operation", sorted(REFRESH_TOKEN))
def test_a_session_goes_on_for_its_refresh_token_only(brand: Brand, keys_folder: Path, operation: str) -> None:
    signed_in, app = ok(brand.sign_in("Bea"), 201), brand.front
    route, good = opened(app)[operation], signed_in["refresh_token"]
    more = {"plane": "business"} if operation == "gateway.session.change_plane" else {}

    def present(token: str | None) -> TestResponse:
        body = more if token is None else {**more, "refresh_token": token}
        return ask(app, route, signed_in["access_token"], json=body)  # which opens nothing here

    for nothing in (None, ""):
        refused(present(nothing), 422, "unprocessable-entity")
    access = signed_in["access_token"]
    for case, token in [*misfits(brand.keyring, access)[1:], *of_other_use(brand, keys_folder), ("access", access)]:
        assert present(token).status_code in (401, 422), case  # 422: longer than any
    for altered in (good[:-1], good.swapcase(), f" {good}", good + "a"):
        refused(present(altered), 401, "refresh-refused")
    with frozen(now() + LONGEST):
        refused(present(good), 401, "refresh-refused")
    assert present(good).status_code in (200, 201)  # none of them was taken for a second use of it
    refused(present(good), 401, "refresh-refused")


@pytest.mark.parametrize("operation", sorted(PASSWORDS))
def test_a_password_is_asked_for_whatever_token_comes_along(brand: Brand, operation: str) -> None:
    app, access = brand.front, ok(brand.sign_in("Bea"), 201)["access_token"]
    route = opened(app)[operation]
    more = {"plane": "business"} if operation == "gateway.session.start" else {"new_password": "another battery staple"}
    who = {"email": brand.email("Bea"), **more}
    for token in (None, access, brand.admin.token_for("gateway.account.reset")):
        refused(ask(app, route, token, json=who), 422, "unprocessable-entity")
    for wrong in (access[:60], "wrong"):
        refused(ask(app, route, access, json={**who, "password": wrong}), 401, "bad-credentials")
    assert ask(app, route, json={**who, "password": PASSWORD}).status_code in (201, 204)


@pytest.mark.parametrize("service", SERVICES)
def test_a_feed_opens_to_a_services_own_token_for_it_only(
    make_app: Callable[..., Flask], gateway_keys: Keyring, keys_folder: Path, service: str
) -> None:
    app, made = make_app(service), int(now().timestamp())
    (route,) = (found for name, found in opened(app).items() if name in FEED)
    claims = {"iss": "gateway", "aud": service, "iat": made, "exp": made + 60, "use": "feed"}
    good = sign(gateway_keys, claims)
    attacks = [
        *(one for one in misfits(gateway_keys, good) if one[0] != "wrong audience"),
        ("wrong audience", sign(gateway_keys, {**claims, "aud": "partywall"})),
        ("another's signature", sign(Keyring(keys_folder, "hr" if service != "hr" else "billing"), claims)),
        ("another use", sign(gateway_keys, {**claims, "use": "context"})),
        ("a context token", Caller(app, gateway_keys, Scope.whole(new_id())).token_for("gateway.user.list")),
    ]
    for case, token in attacks:
        assert ask(app, route, token, headers={CALLER: "gateway"}).status_code in (401, 403), case
    for nobody in ({}, {CALLER: "nobody"}, {CALLER: "procurement" if service != "procurement" else "hr"}):
        assert ask(app, route, good, headers=nobody).status_code in (401, 403), nobody
    answer = ask(app, route, good, headers={CALLER: "gateway"})
    assert (answer.status_code, ok(answer)["events"]) == (200, [])


def test_what_asks_for_nothing_tells_everybody_the_same(brand: Brand) -> None:
    access, app = ok(brand.sign_in("Bea"), 201)["access_token"], brand.front
    found = opened(app)
    for operation in sorted(SAME_FOR_ALL):
        route = found[operation]._replace(path=found[operation].path.replace("<name>", "index.css"))
        answers = [ask(app, route, token) for token in (None, access, *(t for _, t in misfits(brand.keyring, access)))]
        assert {answer.status_code for answer in answers} == {200}, operation
        assert len({answer.get_data() for answer in answers}) == 1, operation
        assert "Lumina" not in answers[1].get_data(as_text=True)
