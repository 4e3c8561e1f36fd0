"""`make run` and `make demo`, as a person at a terminal has them."""

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import story
from deploy.demo.client import send
from deploy.local.instance import ROOT
from deploy.local.processes import GATEWAY_PORT
from services.gateway.roles import ROLES
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
def usual_port_taken() -> Iterator[None]:
    """Somebody listens where the gateway usually does: we, or whoever was faster."""
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the launcher does
        with contextlib.suppress(OSError):
            ours.bind(("127.0.0.1", GATEWAY_PORT))
            ours.listen()
        yield


@pytest.fixture(scope="module")
def first(home: Path, usual_port_taken: None) -> Iterator[Launcher]:
    """The first start: the demo franchise is made."""
    launcher = Launcher(home, "first").wait_for("Ctrl-C stops the platform")
    yield launcher
    if launcher.process.poll() is None:
        launcher.interrupt()


def test_the_first_start_says_where_it_is_and_which_port_it_took(first: Launcher) -> None:
    gateway = first.state()["gateway"]
    port = first.state()["ports"]["gateway"]
    # Whoever was faster may have stopped since: tests/platform/test_announcement.py leaves that no room.
    assert (f"Port {GATEWAY_PORT} is taken; the gateway took {port}.\n" in first.said) is (port != GATEWAY_PORT)
    assert f"API page   {gateway}/docs\n" in first.said
    assert gateway == f"http://127.0.0.1:{port}"
    assert send(gateway, "GET", "/docs", None, {}).status == 200


def test_the_first_start_gives_a_sign_in_for_every_role(first: Launcher) -> None:
    shown = re.findall(r"^ {4}(\S.*?) {2,}(\S+@lumina\.example) +(\S+)$", first.said, re.MULTILINE)
    sign_ins = [
        (ROLES[words.split()[0]], email, password) for held, email, password in shown for words in held.split(" and ")
    ]
    # A wind-down steward is named when an agreement ends; the clinical system is a machine and does not sign in.
    assert {role.name for role, _, _ in sign_ins} == set(ROLES) - {"wind_down", "clinical_system"}
    for role, email, password in sign_ins:
        body = {"email": email, "password": password, "plane": role.plane}
        assert send(first.state()["gateway"], "POST", "/v1/sessions", body, {}).status == 201, role


def test_the_first_start_says_where_the_key_of_the_clinical_system_is(first: Launcher) -> None:
    [file] = re.findall(r"^ {4}clinical_system CA +\S.*: its API key is machine_key in (.+)$", first.said, re.MULTILINE)
    made = json.loads((ROOT / file).read_text())
    headers = {"Authorization": f"Bearer {made['machine_key']}"}
    path = f"/v1/locations/{made['ids']['OAK']}/billing/charge-imports"
    assert send(first.state()["gateway"], "GET", path, None, headers).status == 200


def test_each_service_reads_its_own_keys(first: Launcher, home: Path) -> None:
    kept = home / "1" / "keys"
    assert first.state()["settings"]["KEYS_FOLDER"] == str(kept / "{service}")
    assert [file.name for file in sorted((kept / "hr").iterdir())] == ["hr.jwk", "trusted.jwks"]


def test_the_story_is_told_to_its_end(first: Launcher) -> None:
    told = first.run("demo")
    assert told.returncode == 0, told.stdout + told.stderr
    assert re.findall(r"^(\d)\. ", told.stdout, re.MULTILINE) == ["1", "2", "3", "4", "5", "6"]
    assert f"What there is now, as the API says\n{'-' * 34}\n" in told.stdout
    assert told.stdout.endswith(f"-> {story.VERIFY}\n")


def test_the_story_is_told_a_second_time(first: Launcher) -> None:
    again = first.run("demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.endswith(f"-> {story.VERIFY}\n")


def test_commands_run_on_the_running_platform(first: Launcher) -> None:
    [command] = re.findall(r'^make command do="(.*)"$', story.VERIFY)  # what the story's end says to type
    verified = first.run("command", *command.split())
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
