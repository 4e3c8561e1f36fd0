"""The door over HTTP: who gets in, what is passed on, what everybody else is told, what is written down."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.gateway.catalogue.operations import Catalogue
from services.gateway.decisions.models import Decision
from services.gateway.door import proxy
from shared.identity import Context, ContextReader
from shared.keys import Keyring
from shared.settings import Settings
from shared.tenancy import Scope
from shared.web.operations import HEADER
from tests.gateway.door import franchise as f
from tests.gateway.door.house import House, at, make_house, of
from tests.gateway.door.upstream import Upstream, slowly

ENTRY = "0192f0c1-0000-7000-8000-000000000001"
DECISIONS = f.make_operation("gateway.decision.list", "entity", "network", path="/decisions", **f.READS)
WATCH = """@id("test.watch") @why("They watch.")
permit (principal, action == Action::"gateway.decision.list", resource)
when { context.roles.contains("auditor") };"""


@pytest.fixture
def house(make_settings: Callable[..., Settings], upstream: Upstream) -> Iterator[House]:
    peers = {"procurement": upstream.url, "billing": upstream.url}
    made = make_house(
        make_settings,
        peers,
        catalogue=Catalogue([*f.CATALOGUE.operations, DECISIONS]),
        max_body_bytes=300_000,
    )
    yield made
    made.writer.close()
    made.app.extensions["partywall"].database.close()


@pytest.fixture
def manager(house: House) -> dict[str, str]:
    return house.directory.admit("manager", f.make_grant("location_manager", "location", "Oakland", limit="500"))


def context_of(heard: dict[str, Any], keys: Keyring, service: str = "procurement") -> Context:
    return ContextReader(keys, service).read(dict(heard["headers"])[HEADER])


def logged(house: House) -> list[Decision]:
    house.writer.close()
    with house.app.extensions["partywall"].database.transaction(Scope.whole(f.FRANCHISE.id)) as session:
        return list(session.execute(select(Decision).order_by(Decision.id)).scalars())


def test_a_decided_request_reaches_the_service_with_its_scope_in_a_signed_token(
    house: House, upstream: Upstream, manager: dict[str, str], gateway_keys: Keyring
) -> None:
    answer = house.ask("POST", at("Oakland", "/requisitions?dry=1"), manager, json={"lines": []})
    assert answer.status_code == 200
    [heard] = upstream.seen
    assert (heard["method"], heard["path"]) == ("POST", "/requisitions?dry=1")
    assert json.loads(heard["body"]) == {"lines": []}
    context = context_of(heard, gateway_keys)
    assert context.operation == "procurement.requisition.draft"
    assert context.scope == Scope(f.FRANCHISE.id, "location", (f.OAKLAND.id,), (f.LAKESIDE.id,))
    assert context.roles == {"location_manager"}
    assert str(context.limit("approval")) == "500"


def test_the_token_of_a_request_is_used_for_no_other_operation_or_place(
    house: House, upstream: Upstream, gateway_keys: Keyring
) -> None:
    buyer = house.directory.admit("buyer", f.make_grant("network_buyer"))
    for method, url in (
        ("GET", at("Oakland", "/requisitions")),
        ("POST", at("Oakland", "/requisitions")),
        ("GET", at("Fresno", "/requisitions")),
        ("GET", "/v1/network/procurement/requisitions"),
    ):
        assert house.ask(method, url, buyer).status_code == 200
    contexts = [context_of(heard, gateway_keys) for heard in upstream.seen]
    assert len({(context.operation, context.scope) for context in contexts}) == 4


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic x"}])
def test_who_does_not_say_who_they_are_is_asked_to_sign_in(house: House, headers: dict[str, str]) -> None:
    answer = house.ask("GET", at("Oakland", "/requisitions"), headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "application/problem+json"


def without_id(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name != "request_id"}


def test_what_is_not_yours_looks_like_what_is_not_there(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    answers = [
        house.ask("GET", at(place, "/requisitions"), manager) for place in ("Fresno", "Albany", "nowhere at all")
    ]
    answers += [
        house.ask("GET", at("Oakland", "/moons"), manager),
        house.ask("GET", "/v1/network/astrology/moons", manager),
        house.ask("GET", of("Oakland", "/requisitions"), manager),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
    assert upstream.seen == []


def test_another_method_at_a_known_address_is_named_as_such(house: House, manager: dict[str, str]) -> None:
    for method in ("DELETE", "OPTIONS", "TRACE"):
        answer = house.ask(method, at("Oakland", "/requisitions"), manager)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/locations/{id}/procurement/../billing/journal",
        "/v1/locations/{id}/procurement/./requisitions",
        "/v1/locations/{id}/procurement//requisitions",
        "/v1/locations/{id}/procurement/requisitions/",
        "/v1/locations/{id}/procurement/requisitions;a=b",
        "/v1/locations/{id}/procurement/%2e%2e/requisitions",
        "/v1/locations/{id}/procurement/requisitions%2f1",
        "/v1/locations/{id}/procurement/requisitions%00",
        "/v1/locations/{id}/procurement/requisitio%6es",
        "/v1/locations/{id}%2fprocurement/requisitions",
        "/v1/locations/{upper}/procurement/requisitions",
        "/v1/network/locations/{id}/procurement/requisitions",
        "/v1/locations/{id}/procurement",
        "//v1/locations/{id}/procurement/requisitions",
        "/v1//locations/{id}/procurement/requisitions",
    ],
)
def test_a_path_that_two_readers_could_read_differently_is_no_address(
    house: House, upstream: Upstream, manager: dict[str, str], path: str
) -> None:
    url = path.replace("{id}", str(f.OAKLAND.id)).replace("{upper}", str(f.OAKLAND.id).upper())
    client = house.app.test_client()
    answer = client.open(url, method="GET", headers=manager, environ_overrides={"RAW_URI": url})
    assert answer.status_code == 404
    assert upstream.seen == []


def test_headers_that_the_client_made_up_do_not_get_in(
    house: House, upstream: Upstream, manager: dict[str, str], gateway_keys: Keyring
) -> None:
    forged = {
        HEADER: "forged",
        "Partywall-Caller": "billing",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "Cookie": "session=1",
        "Connection": "Idempotency-Key",
        "Keep-Alive": "timeout=1",
        "TE": "trailers",
        "Upgrade": "h2c",
        "Proxy-Authorization": "Basic x",
        "X-Request-Id": "mine-1",
        "Idempotency-Key": "k-1",
        "If-Match": '"3"',
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    house.ask("POST", at("Oakland", "/requisitions"), {**manager, **forged}, json={})
    [heard] = upstream.seen
    names = {name.lower() for name, _ in heard["headers"]}
    assert names <= {
        "host",
        "accept-encoding",
        "content-length",
        "content-type",
        "idempotency-key",
        "if-match",
        "traceparent",
        "partywall-context",
        "x-request-id",
        "user-agent",
    }
    passed = dict(heard["headers"])
    assert (passed["Idempotency-Key"], passed["If-Match"], passed["X-Request-Id"]) == ("k-1", '"3"', "mine-1")
    assert [name for name, _ in heard["headers"]].count(HEADER) == 1
    assert context_of(heard, gateway_keys).principal_name == "manager"


def test_a_request_that_gives_its_length_in_two_ways_is_refused(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    both = {**manager, "Transfer-Encoding": "chunked"}
    answer = house.ask("POST", at("Oakland", "/requisitions"), both, data=b"0\r\n\r\n")
    assert answer.status_code == 400
    assert upstream.seen == []


def test_what_the_service_answers_comes_back_without_its_own_matters(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    upstream.answer = lambda handler, _: handler.reply(
        201,
        [
            ("Content-Type", "application/json"),
            ("ETag", '"1"'),
            ("Location", "/requisitions/7"),
            ("Link", '</requisitions?cursor=abc>; rel="next"'),
            ("Connection", "X-Secret"),
            ("X-Secret", "1"),
            ("Partywall-Debug", "1"),
            ("Set-Cookie", "a=b"),
        ],
        b'{"id": 7}',
    )
    answer = house.ask("POST", at("Oakland", "/requisitions"), manager, json={})
    assert (answer.status_code, answer.json, answer.headers["ETag"]) == (201, {"id": 7}, '"1"')
    assert answer.headers["Location"] == at("Oakland", "/requisitions/7")
    assert answer.headers["Link"] == f'<{at("Oakland", "/requisitions")}?cursor=abc>; rel="next"'
    assert not {"X-Secret", "Partywall-Debug", "Set-Cookie", "Connection", "Server"} & set(answer.headers.keys())
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_problem_of_the_service_comes_back_as_it_is(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    body = b'{"type":"/docs/problems#self-approval","title":"No","status":403}'
    upstream.answer = lambda handler, _: handler.reply(403, [("Content-Type", "application/problem+json")], body)
    answer = house.ask("POST", at("Oakland", "/requisitions"), manager, json={})
    assert (answer.status_code, answer.mimetype, answer.data) == (403, "application/problem+json", body)


def test_a_large_body_streams_through_and_a_larger_one_is_refused(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    answer = house.ask("POST", at("Oakland", "/requisitions"), manager, data=b"x" * 300_000)
    assert answer.json["length"] == 300_000
    assert ("Content-Length", "300000") in upstream.seen[0]["headers"]
    answer = house.ask("POST", at("Oakland", "/requisitions"), manager, data=b"x" * 300_001)
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    assert len(upstream.seen) == 1


def test_an_answer_streams_as_it_is_made(house: House, upstream: Upstream, manager: dict[str, str]) -> None:
    upstream.answer = slowly(3, 0.3)
    started = time.monotonic()
    answer = house.ask("GET", at("Oakland", "/requisitions"), manager, buffered=False)
    assert next(answer.iter_encoded()) == b"piece 0\n"
    assert time.monotonic() - started < 0.6
    assert b"".join(answer.iter_encoded()).endswith(b"piece 2\n")
    answer.close()


def test_a_service_that_is_not_there_is_503_with_a_hint_to_retry(
    make_settings: Callable[..., Settings],
) -> None:
    house = make_house(make_settings, {"procurement": "http://127.0.0.1:9"})
    manager = house.directory.admit("manager", f.make_grant("location_manager", "location", "Oakland"))
    answer = house.ask("GET", at("Oakland", "/requisitions"), manager)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "procurement" in answer.json["detail"]
    house.writer.close()
    house.app.extensions["partywall"].database.close()


def test_a_service_that_is_too_slow_is_504(
    make_settings: Callable[..., Settings], upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "ANSWER_SECONDS", 0.2)
    house = make_house(make_settings, {"procurement": upstream.url})
    manager = house.directory.admit("manager", f.make_grant("location_manager", "location", "Oakland"))

    def late(handler: Any, _: dict[str, Any]) -> None:
        time.sleep(0.6)
        handler.reply(200, [], b"")

    upstream.answer = late
    assert house.ask("GET", at("Oakland", "/requisitions"), manager).status_code == 504
    house.writer.close()
    house.app.extensions["partywall"].database.close()


def test_a_service_that_breaks_off_is_asked_again_for_a_read_and_never_for_a_change(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    upstream.answer = lambda handler, _: handler.connection.shutdown(socket.SHUT_RDWR)
    assert house.ask("POST", at("Oakland", "/requisitions"), manager, json={}).status_code == 503
    assert len(upstream.seen) == 1
    assert house.ask("GET", at("Oakland", "/requisitions"), manager).status_code == 503
    assert len(upstream.seen) == 3


def test_a_service_that_does_not_trust_the_door_is_our_fault_not_the_callers(
    house: House, upstream: Upstream, manager: dict[str, str]
) -> None:
    upstream.answer = lambda handler, _: handler.reply(401, [("WWW-Authenticate", "Bearer")], b"{}")
    answer = house.ask("GET", at("Oakland", "/requisitions"), manager)
    assert answer.status_code == 503
    assert "WWW-Authenticate" not in answer.headers


def test_a_reserved_decision_is_refused_to_the_buyer_with_policy_reason_source_and_who_can(house: House) -> None:
    buyer = house.directory.admit("buyer", f.make_grant("network_buyer"))
    answer = house.ask("POST", of("Lakeside Aesthetics PC", f"/formulary/{ENTRY}/approval"), buyer)
    assert answer.status_code == 403
    assert answer.json["policy"] == "wall.reserved-decision"
    assert answer.json["source"]["id"] == "procurement.formulary.approve"
    assert answer.json["source"]["title"].startswith("Approve the formulary")
    assert any("Medical Board of California" in cite for cite in answer.json["source"]["cites"])
    assert answer.json["who_can"] == "a medical director of Lakeside Aesthetics PC"
    [decision] = logged(house)
    assert (decision.outcome, decision.policy) == ("deny", "wall.reserved-decision")
    assert decision.legal_entity_id == f.LAKESIDE.id


def test_a_reserved_decision_is_on_record_before_the_service_hears_of_it(
    house: House, upstream: Upstream, gateway_keys: Keyring
) -> None:
    director = house.directory.admit(
        "director",
        f.make_grant("medical_director", "legal_entity", "Lakeside Aesthetics PC", licence="CA A123456"),
        plane="clinical",
    )
    recorded: list[UUID] = []

    def look(handler: Any, heard: dict[str, Any]) -> None:
        with house.app.extensions["partywall"].database.platform_transaction() as session:
            recorded.extend(session.execute(select(Decision.id)).scalars())
        handler.reply(200, [], b"")

    upstream.answer = look
    url = of("Lakeside Aesthetics PC", f"/formulary/{ENTRY}/approval")
    assert house.ask("POST", url, director).status_code == 200
    context = context_of(upstream.seen[0], gateway_keys)
    assert recorded == [context.decision_id]
    assert context.licence == "CA A123456"


def test_the_director_of_another_entity_finds_nothing_there(house: House, upstream: Upstream) -> None:
    director = house.directory.admit(
        "director", f.make_grant("medical_director", "legal_entity", "Hudson Aesthetics PLLC"), plane="clinical"
    )
    assert house.ask("POST", of("Lakeside Aesthetics PC", f"/formulary/{ENTRY}/approval"), director).status_code == 404
    assert upstream.seen == []


def test_patient_data_is_not_answered_when_the_decision_cannot_be_recorded(house: House, upstream: Upstream) -> None:
    biller = house.directory.admit("biller", f.make_grant("biller"), purposes=((f.HUDSON.id, f.ALWAYS),))
    assert house.ask("GET", at("Albany", f"/accounts/{ENTRY}", "billing"), biller).status_code == 200
    house.app.extensions["partywall"].database.engine.dispose()
    house.writer._database = type(house.writer._database)("postgresql://nobody@127.0.0.1:9/none")
    assert house.ask("GET", at("Albany", f"/accounts/{ENTRY}", "billing"), biller).status_code == 503
    assert len(upstream.seen) == 1
    house.writer._database.close()


def test_a_biller_without_a_purpose_is_told_what_is_missing(house: House) -> None:
    biller = house.directory.admit("biller", f.make_grant("biller"))
    answer = house.ask("GET", at("Albany", f"/accounts/{ENTRY}", "billing"), biller)
    assert (answer.status_code, answer.json["policy"]) == (403, "wall.patient-data")
    assert "purpose grant" in answer.json["why"]
    assert answer.json["source"]["cites"]


def test_who_acts_on_the_other_plane_is_told_which_to_sign_in_to(house: House) -> None:
    owner = house.directory.admit(
        "owner", f.make_grant("clinical_entity_owner", "legal_entity", "Mesa Aesthetics PLLC"), plane="business"
    )
    answer = house.ask("GET", at("Tucson", "/requisitions"), owner)
    assert (answer.status_code, answer.json["policy"]) == (403, "wall.other-plane")
    assert "sign in on the clinical plane" in answer.json["why"]


def test_an_agreement_that_ended_yesterday_closes_the_site_with_its_reason(house: House) -> None:
    buyer = house.directory.admit("buyer", f.make_grant("network_buyer"))
    answer = house.ask("POST", at("Tucson", "/requisitions"), buyer, json={})
    assert (answer.status_code, answer.json["policy"]) == (403, "wall.agreement-in-force")
    assert answer.json["source"]["id"] == "governance.msa.sign"
    assert answer.json["who_can"] == "an owner of Mesa Aesthetics PLLC"


def test_a_revoked_grant_stops_with_the_next_request_after_the_directory_knows(
    house: House, manager: dict[str, str]
) -> None:
    assert house.ask("GET", at("Oakland", "/requisitions"), manager).status_code == 200
    house.directory.hold("manager")
    assert house.ask("GET", at("Oakland", "/requisitions"), manager).status_code == 404


def test_every_decision_is_written_down_allowed_or_not(house: House, manager: dict[str, str]) -> None:
    for place in ("Oakland", "Oakland", "Fresno"):
        house.ask("GET", at(place, "/requisitions"), {**manager, "X-Request-Id": f"r-{place}"})
    rows = [(row.outcome, row.policy, row.request_id, row.legal_entity_id) for row in logged(house)]
    assert sorted(rows, key=str) == sorted(
        [
            ("allow", "test.buying", "r-Oakland", f.LAKESIDE.id),
            ("allow", "test.buying", "r-Oakland", f.LAKESIDE.id),
            ("deny", "wall.not-yours", "r-Fresno", None),
        ],
        key=str,
    )


def test_the_directorys_own_operations_are_decided_like_any_other_and_answered_in_this_process(
    make_settings: Callable[..., Settings],
) -> None:
    house = make_house(make_settings, {}, catalogue=Catalogue([DECISIONS]), permits=WATCH)
    auditor = house.directory.admit("auditor", f.make_grant("auditor"))
    buyer = house.directory.admit("buyer", f.make_grant("network_buyer"))
    assert house.ask("GET", "/v1/network/gateway/decisions", buyer).status_code == 403
    house.writer.close()
    answer = house.ask("GET", "/v1/network/gateway/decisions?outcome=deny", auditor)
    assert answer.status_code == 200
    [denied] = answer.json["items"]
    assert (denied["principal_name"], denied["policy"]) == ("buyer", "wall.deny-by-default")
    refused = house.ask("GET", "/v1/network/gateway/decisions?colour=red", auditor)
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    house.app.extensions["partywall"].database.close()


def test_the_directory_behind_the_door_is_not_reached_around_it(house: House) -> None:
    assert house.ask("GET", "/decisions", {HEADER: "x"}).status_code == 404
    assert house.ask("GET", "/audit/verification").status_code == 404


def test_many_at_once_get_their_own_answers(house: House, manager: dict[str, str]) -> None:
    buyer = house.directory.admit("buyer", f.make_grant("network_buyer"))
    wrong: list[Any] = []

    def knock(who: dict[str, str], place: str, due: int) -> None:
        for _ in range(20):
            status = house.ask("GET", at(place, "/requisitions"), who).status_code
            if status != due:
                wrong.append((place, due, status))

    cases = [(manager, "Oakland", 200), (manager, "Fresno", 404), (buyer, "Fresno", 200), (buyer, "Tucson", 403)]
    threads = [threading.Thread(target=knock, args=case) for case in cases * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(logged(house)) == 160
