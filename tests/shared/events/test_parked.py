"""Dead letters through the API: seen by their plane, replayed or discarded once, and audited."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from flask import Flask
from sqlalchemy import select

from shared import parked as dead_letters
from shared.contracts.base import Envelope
from shared.db import Database
from shared.fence import apply, retry_due
from shared.ids import new_id
from shared.keys import Keyring
from shared.outbox import Pending
from shared.settings import Settings
from shared.tenancy import Scope
from shared.web.app import create_app
from tests.shared.events.parties import ORGANIZATION, Keeper, brands, logged, parked, sequence_all, tell_all
from tests.support.callers import Caller


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(fails={"bad": RuntimeError(), "worse": RuntimeError()})


@pytest.fixture
def app(settings_of: Callable[..., Settings], consumer_url: str) -> Iterator[Flask]:
    made = create_app(
        settings_of("billing", consumer_url), title="Billing", blueprints=[dead_letters.blueprint("billing")]
    )
    yield made
    made.extensions["partywall"].database.close()


@pytest.fixture
def operator(app: Flask, keys_folder: Path) -> Caller:
    return Caller(app, Keyring(keys_folder, "gateway"), Scope(ORGANIZATION, "organization"))


@pytest.fixture
def letters(publisher: Database, consumer: Database, keeper: Keeper) -> list[UUID]:
    """Two dead letters: of `bad` and of `worse`."""
    tell_all(publisher, ["bad", "good", "worse"])
    sequence_all(publisher)
    apply(consumer, keeper.subscriber(), logged(publisher))
    return [letter.id for letter in parked(consumer)]


def audits(database: Database) -> list[tuple[str, str]]:
    with database.platform_transaction() as session:
        bodies = session.scalars(select(Pending.envelope).order_by(Pending.id)).all()
    facts = [msgspec.json.decode(body, type=Envelope).event() for body in bodies]
    return [(fact.action, fact.subject_id) for fact in facts]  # type: ignore[attr-defined]


def test_dead_letters_are_listed_newest_first_without_their_content(operator: Caller, letters: list[UUID]) -> None:
    answer = operator.get("/dead-letters?limit=1")
    assert answer.status_code == 200, answer.text
    (first,) = answer.json["items"]
    assert (first["id"], first["status"], first["type"]) == (str(letters[1]), "parked", "procurement.vendor.recorded")
    assert "envelope" not in first
    second = operator.get(f"/dead-letters?cursor={answer.json['next']}").json
    assert [item["id"] for item in second["items"]] == [str(letters[0])]
    assert operator.get("/dead-letters?status=dead").json["items"] == []


def test_each_plane_and_each_organization_sees_only_its_own(operator: Caller, letters: list[UUID]) -> None:
    for stranger in (operator.but(plane="clinical"), operator.but(scope=Scope(new_id(), "organization"))):
        assert stranger.get("/dead-letters").json["items"] == []
        assert stranger.post(f"/dead-letters/{letters[0]}/replay").status_code == 404
        assert stranger.post(f"/dead-letters/{letters[0]}/discard", json={"reason": "x"}).status_code == 404


def test_a_replayed_letter_is_applied_by_the_worker_and_audited(
    operator: Caller, letters: list[UUID], consumer: Database, keeper: Keeper
) -> None:
    keeper.fails.clear()
    assert operator.post(f"/dead-letters/{letters[0]}/replay").json["status"] == "parked"
    assert retry_due(consumer, keeper.subscriber()) == 1
    assert brands(consumer) == ["good", "bad"]
    assert audits(consumer) == [("dead_letter.replayed", str(letters[0]))]
    again = operator.post(f"/dead-letters/{letters[0]}/replay")
    assert (again.status_code, again.json["type"]) == (409, "/docs/problems#already-settled")


def test_a_letter_is_discarded_once_and_with_a_reason(
    operator: Caller, letters: list[UUID], consumer: Database, keeper: Keeper
) -> None:
    path = f"/dead-letters/{letters[0]}/discard"
    assert operator.post(path, json={}).status_code == 422
    assert operator.post(path, json={"reason": "entered by hand"}).json["status"] == "discarded"
    assert operator.post(path, json={"reason": "entered by hand"}).status_code == 409
    assert audits(consumer) == [("dead_letter.discarded", str(letters[0]))]
    assert retry_due(consumer, keeper.subscriber()) == 0
