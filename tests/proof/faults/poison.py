"""A poisonous event: applying it kills the worker; the fence puts it away, and a person has it applied in the end."""

import time
from uuid import uuid4

from urllib3.exceptions import HTTPError

from deploy.demo.client import Answer, Person, Refused
from tests.proof.faults.world import NotRecovered, World

_WORKERS = ["procurement-worker", "hr-worker", "billing-worker"]
_PUT_AWAY_SECONDS = 180.0
_PATIENCE = 120.0
_PARKED = (
    "select id, status, reason from parked where convert_from(envelope, 'UTF8')::json ->> 'correlationid' = %(request)s"
)


def strike(world: World) -> str:
    """A change of a site kills the worker that hears of it, again and again, until the event is put away; then the
    cause is mended and the administrator has it tried again."""
    consumer, request = world.spare(_WORKERS).removesuffix("-worker"), f"poison-{uuid4().hex[:12]}"
    before = world.victims.pids().get(f"{consumer}-worker")
    world.seams.poison(consumer, request)
    _rename_a_site(world, request)
    letter = _wait_until(world, consumer, request, ("parked", "dead"))
    died = world.victims.pids().get(f"{consumer}-worker") != before
    if not died or not letter["reason"].startswith("RuntimeError"):
        raise NotRecovered(f"the poison did not work: {letter}")
    world.seams.cure()
    _insist(world, "POST", f"/v1/network/{consumer}/dead-letters/{letter['id']}/replay")
    _wait_until(world, consumer, request, ("applied",))
    return f"{consumer}; put away, then replayed"


def _rename_a_site(world: World, request: str) -> None:
    path = f"/v1/network/gateway/locations/{world.stage().ids['DAL']}"
    etag = _insist(world, "GET", path).headers["ETag"]
    headers = {"X-Request-Id": request, "Idempotency-Key": request, "If-Match": etag}
    _insist(world, "PATCH", path, {"name": f"Lumina Dallas {request[-4:]}"}, headers)


def _wait_until(world: World, consumer: str, request: str, statuses: tuple[str, ...]) -> dict[str, str]:
    deadline = time.monotonic() + _PUT_AWAY_SECONDS
    while True:
        found = world.ask(consumer, _PARKED, request=request)
        if found and found[0]["status"] in statuses:
            return found[0]
        world.check_running()
        if time.monotonic() > deadline:
            raise NotRecovered(f"a poisonous event is not {' or '.join(statuses)} at {consumer}: {found}")
        time.sleep(0.2)


def _insist(world: World, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """The administrator asks until it works; a replay of what is applied already is as good."""
    avery, deadline = world.stage().person("avery.cole"), time.monotonic() + _PATIENCE
    while True:
        answer = _try(avery, method, path, body, headers)
        if answer and (answer.ok or answer.status == 409):
            return answer
        if time.monotonic() > deadline:
            raise NotRecovered(f"{method} {path}: {answer and (answer.status, answer.body)}")
        time.sleep(0.3)


def _try(avery: Person, method: str, path: str, body: object, headers: dict[str, str] | None) -> Answer | None:
    try:
        return avery.call(method, path, body, headers=headers)
    except (Refused, HTTPError):
        return None
