"""What `make run` says at the end of its start, without starting anything."""

import json
from pathlib import Path

import pytest

from deploy.local import run
from deploy.local.instance import Instance
from deploy.local.processes import GATEWAY_PORT, listen, port_of


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """A folder in which the demo franchise was made."""
    sign_ins = [{"role": "network_buyer", "email": "priya.shah@lumina.example", "password": "a secret"}]
    (tmp_path / "sign-ins.json").write_text(json.dumps(sign_ins))
    return Instance(1, tmp_path, (tmp_path / "lock").open("w"))


def test_who_finds_the_usual_port_taken_is_told_which_one_the_gateway_took(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    with instance.lock, listen("gateway"), listen("gateway") as second:
        took = port_of(second)
        assert took != GATEWAY_PORT
        run._announce(instance, took, 1.0)
    said = capsys.readouterr().out
    assert said.startswith(f"Port {GATEWAY_PORT} is taken; the gateway took {took}.\nReady after 1.0 s.\n")
    assert f"API page   http://127.0.0.1:{took}/docs\n" in said


def test_who_gets_the_usual_port_hears_nothing_of_ports(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    with instance.lock:
        run._announce(instance, GATEWAY_PORT, 1.0)
    assert capsys.readouterr().out.startswith("Ready after 1.0 s.\n")


def test_people_are_given_passwords_and_the_machine_a_place_to_look(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    with instance.lock:
        run._announce(instance, GATEWAY_PORT, 1.0)
    said = capsys.readouterr().out
    assert "    network_buyer  priya.shah@lumina.example      a secret\n" in said
    assert "    clinical_system CA  Lakeside EHR, a machine client: its API key is machine_key in " in said
