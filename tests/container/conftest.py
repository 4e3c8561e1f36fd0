"""The whole platform in containers, built from this checkout."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
READY_WITHIN = 600.0  # seconds, from the last container's start; a busy machine has other things to do
PASSWORDS = ("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "RABBITMQ_PASSWORD")
http = urllib3.PoolManager(retries=False, timeout=10)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="session")
def settings() -> dict[str, str]:
    """What deploy/example.env asks for, and ports nobody uses."""
    ports = {"PARTYWALL_PORT": free_port(), "PROMETHEUS_PORT": free_port()}
    return {name: secrets.token_hex(16) for name in PASSWORDS} | ports | {"PARTYWALL_VERSION": "test"}


@pytest.fixture(scope="session", autouse=True)
def environment(settings: dict[str, str]) -> Iterator[None]:
    """The settings where compose reads them."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """The plugin where there is one, else the older program."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "docker compose" if plugin.returncode == 0 else "docker-compose"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(DEPLOY / "compose.yaml")


@pytest.fixture(scope="session")
def docker_setup() -> str:
    """Both compose programs know these; what `--wait` does in one of them, the fixture `gateway` does for both."""
    return "up --build -d"


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return f"partywall-test-{os.getpid()}"


@pytest.fixture(scope="session")
def compose(docker_compose_command: str, docker_compose_file: str, docker_compose_project_name: str) -> "Compose":
    return Compose([*docker_compose_command.split(), "-f", docker_compose_file, "-p", docker_compose_project_name])


@pytest.fixture(scope="session")
def gateway(docker_services: Any, compose: "Compose", settings: dict[str, str]) -> str:
    """The published address of a platform whose every container is healthy."""
    address = f"http://127.0.0.1:{settings['PARTYWALL_PORT']}"
    deadline = time.monotonic() + READY_WITHIN
    while unready := [
        name for name, state in compose.states().items() if not state.startswith(("healthy", "exited 0"))
    ]:
        if time.monotonic() > deadline:
            pytest.fail(f"not ready: {unready}\n{compose.run('logs', '--tail=40', *unready)}")
        time.sleep(2)
    return address


class Compose:
    """The containers of this test run."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def run(self, *arguments: str) -> str:
        """Output of a compose command. Raises CalledProcessError."""
        ran = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=True)
        return ran.stdout

    def inspect(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each container, by service."""
        ids = self.run("ps", "-a", "-q").split()
        shown = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in json.loads(shown)}

    def states(self) -> dict[str, str]:
        """`healthy`, `starting`, `exited 0`..., by service."""
        states = {}
        for service, container in self.inspect().items():
            state = container["State"]
            health = state.get("Health", {}).get("Status", state["Status"])
            states[service] = health if state["Running"] else f"exited {state['ExitCode']}"
        return states
