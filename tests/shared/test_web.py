"""Operations, problems, idempotency keys, versions: what every service gets from create_app."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError
from sqlalchemy import func, select

from shared import clock
from shared.ids import new_id
from shared.outbox import Pending
from shared.settings import Settings
from shared.tenancy import Scope
from shared.web.app import UndeclaredRoute, create_app
from shared.web.fields import Flag, Pattern
from shared.web.operations import HEADER, Blueprint
from tests.shared.sample import SampleBox
from tests.support.callers import Caller


@pytest.fixture
def caller(make_caller: Callable[..., Caller]) -> Iterator[Caller]:
    yield make_caller(Scope(new_id(), "location", (new_id(),), (new_id(),)))


def rows(caller: Caller, model: Any) -> int:
    with caller.app.extensions["partywall"].database.transaction(Scope.whole(caller.scope.organization_id)) as session:
        return int(session.execute(select(func.count()).select_from(model)).scalar_one())


def test_a_request_without_a_context_token_is_refused(caller: Caller) -> None:
    answer = caller.app.test_client().post("/boxes", json={"label": "a"})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_for_another_operation_is_refused(caller: Caller) -> None:
    token = caller.token_for("procurement.box.change")
    answer = caller.app.test_client().post("/boxes", json={"label": "a"}, headers={HEADER: token})
    assert answer.status_code == 401
    assert "wrong-operation" in answer.text


def test_an_expired_token_is_refused_even_when_it_was_remembered(caller: Caller) -> None:
    token = caller.token("POST", "/boxes")
    client = caller.app.test_client()
    assert client.post("/boxes", json={"label": "a"}, headers={HEADER: token}).status_code == 201
    with clock.frozen(datetime.now(UTC) + timedelta(seconds=40)):
        assert client.post("/boxes", json={"label": "b"}, headers={HEADER: token}).status_code == 401


def test_a_change_and_its_event_are_one_piece(caller: Caller) -> None:
    answer = caller.post("/boxes", json={"label": "a"})
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert (rows(caller, SampleBox), rows(caller, Pending)) == (1, 1)
    assert caller.post("/boxes", json={"label": "sealed"}).status_code == 409
    assert (rows(caller, SampleBox), rows(caller, Pending)) == (1, 1)


def test_a_change_that_tells_nothing_is_audited_all_the_same(caller: Caller) -> None:
    made = caller.post("/boxes", json={"label": "a"}).json["id"]
    headers = {"If-Match": '"1"', "Idempotency-Key": "k"}
    answer = caller.put(f"/boxes/{made}", json={"label": "b"}, headers=headers)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    with caller.app.extensions["partywall"].database.transaction(caller.scope) as session:
        kinds = session.execute(select(Pending.type)).scalars().all()
    assert sorted(kinds) == ["procurement.audit.recorded", "sample.box.labelled"]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"label": 5}, 422, "/label"),
        ({"label": "a", "colour": "red"}, 422, "/colour"),
        ({"label": "a\x00b"}, 422, "/label"),
        ({"label": "   "}, 422, "/label"),
        ({"label": "a", "price": 1.5}, 422, "/price"),
        ({"label": "a", "price": "1e3"}, 422, "/price"),
        ({"label": "a", "price": "1.005"}, 422, "/price"),
        ({"label": "a", "price": "NaN"}, 422, "/price"),
        ({"label": "a", "price": "-1"}, 422, "/price"),
        ([], 422, ""),
    ],
)
def test_bad_input_is_named_by_a_pointer(caller: Caller, body: Any, status: int, pointer: str) -> None:
    answer = caller.post("/boxes", json=body)
    assert answer.status_code == status
    assert answer.json["errors"][0]["pointer"] == pointer
    assert rows(caller, SampleBox) == 0


def test_broken_json_wrong_type_and_huge_bodies_are_problems(caller: Caller) -> None:
    broken = caller.post("/boxes", data=b"{", content_type="application/json")
    plain = caller.post("/boxes", data=b"label=a", content_type="text/plain")
    huge = caller.post("/boxes", data=b"{" + b" " * 20_000 + b"}", content_type="application/json")
    assert [a.status_code for a in (broken, plain, huge)] == [400, 415, 413]
    assert {a.mimetype for a in (broken, plain, huge)} == {"application/problem+json"}


def test_an_unforeseen_fault_says_nothing_of_what_it_saw(caller: Caller, capfd: pytest.CaptureFixture[str]) -> None:
    answer = caller.get("/boxes/broken")
    assert answer.status_code == 500
    printed = capfd.readouterr()
    assert "Jane" not in answer.text + printed.out + printed.err
    assert answer.json["request_id"]


def test_the_same_key_replays_the_first_answer(caller: Caller) -> None:
    key = {"Idempotency-Key": "one"}
    first, second = (caller.post("/boxes", json={"label": "a"}, headers=key) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    other = caller.post("/boxes", json={"label": "b"}, headers=key)
    assert (other.status_code, other.json["type"]) == (422, "/docs/problems#idempotency-key-reused")
    assert rows(caller, SampleBox) == 1


def test_a_refusal_belongs_to_its_key_too(caller: Caller) -> None:
    key = {"Idempotency-Key": "one"}
    first, second = (caller.post("/boxes", json={"label": "sealed"}, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (409, 409)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_token_of_the_other_plane_is_refused_whatever_the_gateway_decided(caller: Caller) -> None:
    answer = caller.but(plane="clinical").post("/boxes", json={"label": "a"})
    assert (answer.status_code, rows(caller, SampleBox)) == (401, 0)


def test_a_key_holds_when_the_scope_has_grown_meanwhile(caller: Caller) -> None:
    grown = caller.but(scope=replace(caller.scope, entities=(*(caller.scope.entities or ()), new_id())))
    first, second = (
        one.post("/boxes", json={"label": "a"}, headers={"Idempotency-Key": "k"}) for one in (caller, grown)
    )
    assert (first.status_code, second.json) == (201, first.json)
    assert rows(caller, SampleBox) == 1


def test_two_callers_may_use_the_same_key(caller: Caller) -> None:
    for somebody in (caller, caller.but(principal_id=new_id())):
        assert somebody.post("/boxes", json={"label": "a"}, headers={"Idempotency-Key": "k"}).status_code == 201
    assert rows(caller, SampleBox) == 2


def test_fifty_requests_with_five_keys_at_once_do_five_things(caller: Caller) -> None:
    def send(number: int) -> int:
        headers = {"Idempotency-Key": str(number % 5)}
        return caller.post("/boxes", json={"label": f"box {number % 5}"}, headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(50)))
    assert set(answers) == {201}
    assert rows(caller, SampleBox) == 5


def test_a_required_key_is_asked_for(caller: Caller) -> None:
    answer = caller.put(f"/boxes/{new_id()}", json={"label": "a"})
    assert (answer.status_code, answer.json["type"]) == (400, "/docs/problems#idempotency-key-missing")


def test_a_change_needs_the_version_it_was_made_on(caller: Caller) -> None:
    made = caller.post("/boxes", json={"label": "a"}).json["id"]

    def change(key: str, **match: str) -> int:
        headers = {"Idempotency-Key": key, **match}
        return caller.put(f"/boxes/{made}", json={"label": "b"}, headers=headers).status_code

    assert change("1") == 428
    assert change("2", **{"If-Match": '"1"'}) == 200
    assert change("3", **{"If-Match": '"1"'}) == 412


def test_two_changes_of_one_version_at_once_are_one_change(caller: Caller) -> None:
    made = caller.post("/boxes", json={"label": "a"}).json["id"]

    def change(number: int) -> int:
        headers = {"Idempotency-Key": str(number), "If-Match": '"1"'}
        return caller.put(f"/boxes/{made}", json={"label": str(number)}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(8))) == [200] + [412] * 7


def test_another_sites_box_does_not_exist(caller: Caller) -> None:
    made = caller.post("/boxes", json={"label": "a"}).json["id"]
    headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
    neighbour = caller.but(scope=Scope(caller.scope.organization_id, "location", (new_id(),), (new_id(),)))
    there = neighbour.put(f"/boxes/{made}", json={"label": "b"}, headers=headers)
    nowhere = neighbour.put(f"/boxes/{new_id()}", json={"label": "b"}, headers={**headers, "Idempotency-Key": "l"})
    assert there.status_code == nowhere.status_code == 404
    assert {**there.json, "request_id": ""} == {**nowhere.json, "request_id": ""}


def test_a_route_without_an_operation_stops_the_start(sample_app: Flask) -> None:
    bare = Blueprint("bare", __name__)

    @bare.route("/bare")
    def _view() -> str:
        return ""

    settings: Settings = sample_app.extensions["partywall"].settings
    with pytest.raises(UndeclaredRoute, match="/bare"):
        create_app(settings, title="Bare", blueprints=[bare])


def test_request_ids_are_taken_over_only_when_they_are_harmless(caller: Caller) -> None:
    client = caller.app.test_client()
    assert client.get("/livez", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert client.get("/livez", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"] != "<script>"


@pytest.mark.parametrize("body", [b'{"label": ' + b"[" * 4000 + b"]" * 4000 + b"}", b'{"label": ' + b"7" * 5000 + b"}"])
def test_json_that_no_reader_can_read_is_the_senders_fault(caller: Caller, body: bytes) -> None:
    answer = caller.post("/boxes", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["type"]) == (400, "/docs/problems#unreadable-json")


@pytest.mark.parametrize("value", [1, 0, 1.0, "yes", "true", None, []])
def test_a_flag_in_a_body_is_true_or_false_and_nothing_that_reads_like_it(value: Any) -> None:
    assert (Flag().deserialize(True), Flag().deserialize(False)) == (True, False)
    with pytest.raises(ValidationError):
        Flag().deserialize(value)


def test_a_pattern_holds_for_the_whole_text() -> None:
    assert Pattern(r"^[A-Z]{2}$")("CA") == "CA"
    for text in ("CA\n", "CAL", "\nCA", ""):
        with pytest.raises(ValidationError):
            Pattern(r"^[A-Z]{2}$")(text)
