"""The demo story in containers: the same story as on a laptop, over PostgreSQL and RabbitMQ by settings alone."""

import json
from pathlib import Path

import pytest

from deploy.demo import franchise, people, story
from tests.container.conftest import Compose

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, gateway: str, compose: Compose) -> Path:
    """The demo franchise, made through the published gateway; its files."""
    made = tmp_path_factory.mktemp("franchise")
    command = ["exec", "-T", "gateway", "python", "-m", "services", "command", "gateway"]
    administrator = people.ADMINISTRATOR
    options = [f"--slug={people.SLUG}", f"--name={people.NAME}", f"--email={administrator.email}"]
    printed = compose.run(*command, "bootstrap", *options, f"--admin-name={administrator.name}")
    franchise.create(gateway, made, json.loads(printed), print)
    return made


def test_the_story_is_told_to_its_end(folder: Path, gateway: str) -> None:
    said: list[str] = []
    story.tell(folder, said.append, gateway)
    assert any(line.strip().startswith("6. ") for line in said)


def test_the_events_of_the_story_came_over_the_broker(folder: Path, compose: Compose) -> None:
    listed = compose.run("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_queues", "name", "consumers")
    consumers = {line.split()[0]: line.split()[1] for line in listed.splitlines() if line.split()[-1].isdigit()}
    assert len(consumers) >= 4
    assert set(consumers.values()) >= {"1"}


def test_the_audit_chain_is_sound(folder: Path, compose: Compose) -> None:
    command = ["exec", "-T", "gateway", "python", "-m", "services", "command", "gateway", "audit", "verify"]
    assert '"sound": true' in compose.run(*command)
