"""Where leaks of other systems came through: lists, counts, events, metrics, logs."""

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from shared.feed import CALLER, HEARS, PATH
from shared.identity import sign
from shared.ids import PLATFORM
from shared.outbox import LoggedEvent
from shared.settings import SERVICES
from tests.proof.wall.cast import Caller
from tests.proof.wall.markers import Markers
from tests.proof.wall.operations import Operation
from tests.proof.wall.requests import Maker, Place, Request, Target
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import Answer, World, json_headers

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LEAST = 5
GET = "GET"


def questions(operations: Iterable[Operation], places: dict[str, Place], own: Target) -> dict[str, Request]:
    """Every operation that lists or sums up, wherever it may be asked; the same questions can be asked again."""
    found = {}
    for operation in operations:
        if operation.method != GET or any(name.endswith("_id") for name in operation.parameters):
            continue
        for kind, place in places.items():
            if kind in operation.scopes or (kind == "network" and "organization" in operation.scopes):
                found[f"{operation.name} {kind}"] = Maker(own, operation, None).at(place)
    return found


def answers(world: World, asked: dict[str, Request], caller: Caller) -> dict[str, Answer]:
    """What a caller is told."""
    return {
        name: world.send(GET, world.platform.url + request.path, json_headers(caller.bearer))
        for name, request in asked.items()
    }


def lists(tally: Tally, told: dict[str, Answer], markers: Markers) -> int:
    """Nothing of what lies outside stands in any of these answers. Returns how many were answered with 200."""
    for name, answer in told.items():
        found = markers.found(answer.text)
        broken = f"answered {answer.status}" if answer.status >= 500 else None
        tally.note(name.split()[0], "lists of one's own", f"shows {found}" if found else broken)
    return sum(answer.status == 200 for answer in told.values())


def unmoved(tally: Tally, before: list[dict[str, Answer]], after: dict[str, Answer]) -> None:
    """What one organization lists and counts does not move when another works. What moves by itself is left out."""
    first, second = before
    for name, answer in after.items():
        if first[name].body == second[name].body:
            same = answer.body == second[name].body and answer.status == second[name].status
            tally.note(
                name.split()[0], "counts unmoved by another", None if same else f"{name} changed: {answer.body[:150]!r}"
            )


def patients(world: World, operations: Iterable[Operation], clinic: Caller, target: Target) -> set[str]:
    """Every word of patients that their own clinic reads: names, contacts, payers."""
    found: set[str] = set()
    for operation in operations:
        if operation.method != GET or not operation.patient:
            continue
        request = Maker(target, operation, None).at(target.place("location"))
        answer = world.send(GET, world.platform.url + request.path, json_headers(clinic.bearer))
        if answer.status == 200 and operation.name.startswith("billing.account."):
            found |= set(_words(json.loads(answer.body)))
    return found


def _words(node: Any) -> Iterable[str]:
    if isinstance(node, str):
        return () if len(node) < _LEAST or _ID.search(node) or re.fullmatch(r"[a-z0-9_.:TZ-]+", node) else (node,)
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [word for one in inner for word in _words(one)]


def events(world: World, tally: Tally, places: dict[str, str], secret: set[str]) -> None:
    """Every event: its envelope says what its row says, its place is its own; business ones know no patient."""
    for service in SERVICES:
        with world.databases[service].platform_transaction() as session:
            rows = list(session.execute(select(LoggedEvent)).scalars())
        for row in rows:
            tally.note(f"{service} events", "event payloads", _event(row, places, secret))


def _event(row: LoggedEvent, places: dict[str, str], secret: set[str]) -> str | None:
    said = json.loads(row.envelope)
    organization = str(row.organization_id)
    if said["organizationid"] != organization or said.get("locationid") != (row.location_id and str(row.location_id)):
        return f"{row.type} {row.sequence}: its envelope names another place than its row"
    # Ids of places are known of every organization: none may stand in another's event.
    strange = [one for one in _ID.findall(row.envelope.decode()) if places.get(one, organization) != organization]
    if strange:
        return f"{row.type} {row.sequence}: names {strange[0]} of another organization"
    if row.plane == "business":
        found = next((word for word in secret if word in row.envelope.decode()), None)
        return f"{row.type} {row.sequence}: tells {found!r}" if found else None
    return None


def feeds(world: World, tally: Tally) -> None:
    """Each service hears from each other only the planes it may; nobody else hears anything."""
    for publisher in SERVICES:
        for caller, planes in HEARS.items():
            heard = _pulled(world, publisher, caller, _feed_token(world, caller, publisher))
            wrong = {event["plane"] for event in heard} - set(planes)
            tally.note(f"{publisher} feed", "planes heard", f"{caller} hears {wrong}" if wrong else None)
        for token, caller in _false_tokens(world, publisher):
            answer = _pull(world, publisher, caller, token)
            leak = None if answer.status in (401, 403) else f"{caller} got {answer.status}"
            tally.note(f"{publisher} feed", "false caller", leak)


def _false_tokens(world: World, publisher: str) -> list[tuple[str, str]]:
    other = "hr" if publisher != "hr" else "procurement"
    return [
        ("", "gateway"),
        ("nothing.like.it", "gateway"),
        (_feed_token(world, "hr", publisher), "gateway"),
        (_feed_token(world, "gateway", other if publisher != other else "billing"), "gateway"),
        (_feed_token(world, "gateway", publisher, use="context"), "gateway"),
        (_feed_token(world, "gateway", publisher, late=True), "gateway"),
        (_feed_token(world, "gateway", publisher), "nobody"),
    ]


def _feed_token(world: World, caller: str, publisher: str, *, use: str = "feed", late: bool = False) -> str:
    made = int(time.time()) - (3600 if late else 0)
    claims = {"iss": caller, "aud": publisher, "iat": made, "exp": made + 60, "use": use}
    return sign(world.keyring(caller), claims)


def _pull(world: World, publisher: str, caller: str, token: str, after: int = 0) -> Answer:
    headers = {CALLER: caller, "Authorization": f"Bearer {token}"}
    return world.send(GET, f"{world.address(publisher)}{PATH}?after={after}&limit=500", headers)


def _pulled(world: World, publisher: str, caller: str, token: str) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    after = 0
    while True:
        page = json.loads(_pull(world, publisher, caller, token, after).body)
        heard += page["events"]
        if len(page["events"]) < 500:
            return heard
        after = page["upto"]


def metrics(world: World, tally: Tally, secret: set[str], places: Iterable[str]) -> None:
    """Who scrapes a process learns no word of a patient and no id but those of organizations and places."""
    known = {*places, str(PLATFORM)}
    for name, pid in world.platform.state["pids"].items():
        answer = world.send(GET, f"http://127.0.0.1:{_ops_port(pid)}/metrics", {})
        assert answer.status == 200 and b"partywall_" in answer.body, f"{name} shows no metrics"
        text = answer.body.decode()
        said = [word for word in secret if word in text] + [one for one in _ID.findall(text) if one not in known]
        tally.note(f"{name} metrics", "metric labels", f"shows {said[0]!r}" if said else None)


def logs(world: World, tally: Tally, secret: set[str]) -> None:
    """No log of any process holds a word of a patient."""
    for log in sorted((world.platform.folder / "logs").glob("*.log")):
        found = next((word for word in secret if word in log.read_text(errors="replace")), None)
        tally.note(f"{log.stem} log", "patients in logs", f"writes {found!r}" if found else None)


def _ops_port(pid: int) -> str:
    settings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(one.decode().split("=", 1)[1] for one in settings if one.startswith(b"OPS_PORT="))
