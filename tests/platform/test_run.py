"""`make run` and `make demo`, as a person at a terminal has them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.client import send
from tests.support.platform import Launcher

pytestmark = pytest.mark.whole_system


def alive(pids: dict[str, int]) -> list[str]:
    """Which of the processes still run."""
    shown = subprocess.run(["ps", "-e", "-o", "pid=,stat="], capture_output=True, text=True, check=False).stdout
    running = {int(line.split()[0]) for line in shown.splitlines() if not line.split()[1].startswith("Z")}
    return [name for name, pid in pids.items() if pid in running]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a home")


@pytest.fixture(scope="module")
def first(home: Path) -> Iterator[Launcher]:
    """The first start: the demo franchise is made."""
    launcher = Launcher(home, "first").wait_for("Ctrl-C stops the platform")
    yield launcher
    if launcher.process.poll() is None:
        launcher.interrupt()


def test_the_first_start_says_where_it_is_and_as_whom_to_sign_in(first: Launcher) -> None:
    gateway = first.state()["gateway"]
    assert f"API page   {gateway}/docs" in first.said
    shown = re.findall(r"^ {4}(\S.*?) {2,}(\S+@lumina\.example) +(\S+)$", first.said, re.MULTILINE)
    roles = {role.split()[0] for role, _, _ in shown}
    assert {"network_buyer", "biller", "controller", "medical_director", "clinical_entity_owner", "auditor"} <= roles
    for role, email, password in shown:
        clinical = role.split()[0] in ("clinical_entity_owner", "medical_director", "provider")
        body = {"email": email, "password": password, "plane": "clinical" if clinical else "business"}
        assert send(gateway, "POST", "/v1/sessions", body, {}).status == 201, role
    assert send(gateway, "GET", "/docs", None, {}).status == 200


def test_each_service_reads_its_own_keys(first: Launcher, home: Path) -> None:
    kept = home / "1" / "keys"
    assert first.state()["settings"]["KEYS_FOLDER"] == str(kept / "{service}")
    assert [file.name for file in sorted((kept / "hr").iterdir())] == ["hr.jwk", "trusted.jwks"]


def test_the_story_is_told_to_its_end(first: Launcher) -> None:
    told = first.run("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "6. " in told.stdout


def test_commands_run_on_the_running_platform(first: Launcher) -> None:
    verified = first.run("command", "gateway", "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert '"sound": true' in verified.stdout


def test_a_second_platform_beside_it_takes_a_folder_and_a_port_of_its_own(first: Launcher, home: Path) -> None:
    second = Launcher(home, "second").wait_for("Starting the four services")
    assert "this one is number 2" in second.said
    assert second.interrupt() == 0  # an impatient person, too, leaves nothing behind
    assert second.said.endswith("Stopped.\n")
    assert not (home / "2" / "state.json").exists()
    assert send(first.state()["gateway"], "GET", "/readyz", None, {}).status == 200


def test_ctrl_c_stops_everything_and_the_next_start_goes_on_with_its_data(first: Launcher, home: Path) -> None:
    state, made = first.state(), (home / "1" / "sign-ins.json").read_text()
    assert alive(state["pids"]) == list(state["pids"])
    assert first.interrupt() == 0
    assert first.said.endswith("Stopped.\n")
    assert alive(state["pids"]) == []
    assert "No platform runs" in first.run("demo").stderr

    again = Launcher(home, "again").wait_for("Ctrl-C stops the platform")
    try:
        assert "Creating the demo franchise" not in again.said
        assert (home / "1" / "sign-ins.json").read_text() == made
        person = json.loads(made)[0]
        body = {"email": person["email"], "password": person["password"], "plane": "business"}
        assert send(again.state()["gateway"], "POST", "/v1/sessions", body, {}).status == 201
    finally:
        assert again.interrupt() == 0
