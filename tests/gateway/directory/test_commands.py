"""Commands: the first administrator, the rules, a way back in."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.gateway import commands
from services.gateway.app import create
from shared.settings import Settings
from tests.gateway.directory.brand import ok, refused

FIRST = ["bootstrap", "--slug", "lumina", "--name", "Lumina", "--email", "ada@lumina.example", "--admin-name", "Ada"]


@pytest.fixture
def run(make_settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`run(*arguments)`: the exit code and what was printed, JSON where it worked."""
    settings = make_settings("gateway")

    def call(*arguments: str) -> Any:
        code = commands.main(settings, list(arguments))
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if code == 0 else printed.err

    call.settings = settings  # type: ignore[attr-defined]
    return call


def test_bootstrap_makes_an_organization_whose_administrator_can_begin(run: Any) -> None:
    code, made = run(*FIRST)
    assert (code, made["created"]) == (0, True)
    app = create(run.settings)
    client = app.test_client()
    mine = {"email": made["email"], "password": made["one_time_password"]}
    refused(client.post("/v1/sessions", json={**mine, "plane": "business"}), 403, "password-is-one-time")
    assert client.put("/v1/password", json={**mine, "new_password": "a good long phrase"}).status_code == 204
    session = {"email": made["email"], "password": "a good long phrase", "plane": "business"}
    assert ok(client.post("/v1/sessions", json=session), 201)["organization_id"] == made["organization_id"]
    app.extensions["partywall"].database.close()


def test_bootstrap_again_makes_nothing_new_and_shows_a_password_until_one_was_chosen(run: Any) -> None:
    _, made = run(*FIRST)
    code, again = run(*FIRST)
    assert (code, again["created"]) == (0, False)
    assert (again["organization_id"], again["user_id"]) == (made["organization_id"], made["user_id"])
    app = create(run.settings)
    chosen = {"email": made["email"], "password": made["one_time_password"], "new_password": "a good long phrase"}
    refused(app.test_client().put("/v1/password", json=chosen), 401, "bad-credentials")
    chosen["password"] = again["one_time_password"]
    assert app.test_client().put("/v1/password", json=chosen).status_code == 204
    app.extensions["partywall"].database.close()
    assert run(*FIRST)[1]["one_time_password"] is None


@pytest.mark.parametrize(
    ("position", "value"),
    [(2, "Not A Slug"), (6, "no address")],
)
def test_bootstrap_refuses_what_makes_no_sense(run: Any, position: int, value: str) -> None:
    code, said = run(*FIRST[:position], value, *FIRST[position + 1 :])
    assert code == 1
    assert value in said or "slug" in said


def test_bootstrap_takes_nobody_elses_address(run: Any) -> None:
    run(*FIRST)
    code, said = run(*["glow" if each == "lumina" else each for each in FIRST])
    assert code == 1
    assert "belongs to somebody" in said


def test_rules_are_loaded_by_a_command_that_may_be_repeated(run: Any) -> None:
    first, again = run("rules", "load"), run("rules", "load")
    assert first[1]["recorded"]["2026-11-21"] > 300
    assert again == (0, {"recorded": {"2026-11-21": 0}})


def test_the_operator_gives_a_one_time_password_to_somebody_who_is_locked_out(run: Any) -> None:
    run(*FIRST)
    code, made = run("reset-password", "--email", "ADA@lumina.example")
    assert (code, len(made["one_time_password"]) >= 12) == (0, True)
    assert run("reset-password", "--email", "nobody@lumina.example")[0] == 1
