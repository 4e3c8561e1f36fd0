"""The compose file brings up a healthy, closed, observed platform."""

import json
from typing import Any

import pytest
import urllib3

from shared.settings import SERVICES
from tests.container.conftest import Compose
from tests.support.patience import until

pytestmark = pytest.mark.container
http = urllib3.PoolManager(retries=False, timeout=10)
PROCESSES = [*SERVICES, *(f"{service}-worker" for service in SERVICES)]


def test_every_step_ends_well_and_every_process_is_healthy(gateway: str, compose: Compose) -> None:
    states = compose.states()
    assert {states[step] for step in ("keys", "databases", "migrate", "rules")} == {"exited 0"}
    assert {states[process] for process in [*PROCESSES, "postgres", "rabbitmq", "prometheus"]} == {"healthy"}
    assert http.request("GET", f"{gateway}/readyz").status == 200


def test_only_the_gateway_and_prometheus_are_published_and_only_here(gateway: str, compose: Compose) -> None:
    published = {
        service: [binding["HostIp"] for bindings in ports.values() for binding in bindings or []]
        for service, container in compose.inspect().items()
        if any((ports := container["NetworkSettings"]["Ports"]).values())
    }
    assert published == {"gateway": ["127.0.0.1"], "prometheus": ["127.0.0.1"]}


def test_our_processes_have_no_root_no_capabilities_and_nothing_to_write_to(gateway: str, compose: Compose) -> None:
    for service, container in compose.inspect().items():
        if service in PROCESSES:
            assert container["Config"]["User"] == "partywall"
            assert container["HostConfig"]["ReadonlyRootfs"] is True
            assert container["HostConfig"]["CapDrop"] == ["ALL"]
            assert not any(setting.startswith("OWNER_") for setting in container["Config"]["Env"])


def test_a_process_sees_its_own_private_key_only_and_cannot_change_it(gateway: str, compose: Compose) -> None:
    for process in PROCESSES:
        service = process.removesuffix("-worker")
        seen = set(compose.run("exec", "-T", process, "ls", "/keys").split())
        assert seen == {f"{service}.jwk", "trusted.jwks"} | ({"fields.json"} if service == "billing" else set())
        assert compose.run("exec", "-T", process, "sh", "-c", "test -w /keys || echo closed").strip() == "closed"


def test_the_metrics_port_is_not_reachable_through_the_gateway(gateway: str) -> None:
    assert http.request("GET", f"{gateway}/metrics").status == 404


def test_prometheus_reaches_every_process(gateway: str, settings: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{settings['PROMETHEUS_PORT']}/api/v1/targets"

    def targets() -> dict[str, Any]:
        active = json.loads(http.request("GET", address).data)["data"]["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in active}

    assert until(lambda: targets() == {f"{process}:9000": "up" for process in PROCESSES}, 60, pause=1), targets()
