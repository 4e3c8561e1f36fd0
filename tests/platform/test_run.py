"""`make run` and `make demo`, as a person at a terminal has them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.client import send

pytestmark = pytest.mark.whole_system
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds; a busy machine has other things to do


class Launcher:
    """`python -m deploy.local run` with its files in `home`; `said` is what its terminal shows."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self._log = home, home / f"{name}.said"
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.environment = {**kept, "PARTYWALL_HOME": str(home)}
        with self._log.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run"],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, words: str) -> "Launcher":
        """Until it says `words`; fails with all it said when it ends instead."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.2)
        return self

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def state(self, number: int = 1) -> dict[str, Any]:
        return dict(json.loads((self.home / str(number) / "state.json").read_text()))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command beside it."""
        command = [sys.executable, "-m", "deploy.local", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)


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
