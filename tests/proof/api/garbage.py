"""Garbage on top of bodies that are accepted: every one of these must be refused, whatever else is right."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.proof.api.aim import Aim
from tests.proof.api.bodies import body_for
from tests.proof.api.document import Described, Document
from tests.proof.api.known import address

HUGE = 10**40
NO_ANSWER = 599
NOT_JSON = {
    "broken": b'{"a": ',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "a deep nest": b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "NaN": b'{"a": NaN}',
    "a number of 5,000 digits": b'{"a": ' + b"7" * 5_000 + b"}",
}
HEADERS = {
    "an empty key": {"Idempotency-Key": ""},
    "a long key": {"Idempotency-Key": "k" * 201},
    "another media type": {"Content-Type": "application/xml"},
    "no media type": {"Content-Type": ""},
    "an unreadable version": {"If-Match": "seven"},
}
THREADS = 4
_POOL = urllib3.PoolManager(retries=False, timeout=60, maxsize=THREADS)


@dataclass(frozen=True)
class Sent:
    """One request of garbage, and what came of it."""

    label: str
    what: str
    status: int
    answer: str

    @property
    def fault(self) -> str | None:
        """Why it is a finding, or None."""
        if self.status >= 500:
            return "a fault of the server"
        return "accepted" if self.status < 400 else None


def targets(document: Document, labels: set[str]) -> set[str]:
    """Those of these operations that take a JSON body."""
    return {label for label in labels if _content(document.operations[label])}


def throw(aim: Aim, labels: set[str], base: str) -> Iterator[Sent]:
    """Each kind of garbage at each of these operations, which all take a JSON body."""
    with ThreadPoolExecutor(THREADS) as pool:
        for answers in pool.map(lambda label: list(_at(aim, label, base)), sorted(labels)):
            yield from answers


def _at(aim: Aim, label: str, base: str) -> Iterator[Sent]:
    """One operation, once with each kind."""
    known = aim.known
    described = known.document.operations[label]
    schema = _schema(known.document, described)
    chance = random.Random(f"{aim.seed} {label}")
    good = known.seed(label, chance) or body_for(described.name, known, chance, aim.fixed) or {}
    path = address(known, described.path, chance.choice(_places(aim, described)))
    path = path or described.path.format_map(_Nobody())
    listed = {parameter["name"] for parameter in described.body["parameters"]} | {"Content-Type"}
    wrong = [(what, json.dumps(good).encode(), sent) for what, sent in HEADERS.items() if listed & sent.keys()]
    for what, body, headers in [*kinds(good, schema), *wrong]:
        yield _send(described, what, base + path, body, {**_headers(aim, label, described), **headers})


class _Nobody(dict[str, str]):
    """Stands for ids where nothing is known to exist."""

    def __missing__(self, _: str) -> str:
        return "00000000-0000-7000-8000-000000000000"


def kinds(good: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """(what, body, no headers) of each kind of garbage on top of a good body of this schema."""
    for what, raw in NOT_JSON.items():
        yield what, raw, {}
    yield "an unknown field", json.dumps({**good, "no_such_field": 1}).encode(), {}
    for name, described in schema.get("properties", {}).items():
        for what, value in _wrong_values(described):
            yield f"{name}: {what}", json.dumps({**good, name: value}).encode(), {}
    for name in schema.get("required", []):
        yield f"{name}: missing", json.dumps({key: value for key, value in good.items() if key != name}).encode(), {}


def _wrong_values(described: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What no field of this type may be."""
    kinds = described.get("type")
    kinds = set(kinds if isinstance(kinds, list) else [kinds])
    if "object" not in kinds and "$ref" not in described and "anyOf" not in described and "allOf" not in described:
        yield "an object", {"a": 1}
    if "string" in kinds:
        yield "a number", 7
        yield "a boolean", True
        yield "NUL", "a\x00b"
        yield "a million characters", "x" * 1_000_000
        if described.get("format") in ("date", "date-time", "uuid", "email"):
            yield f"no {described['format']}", "2026-02-30"
    if "boolean" in kinds:
        yield "a word", "yes"
        yield "a number", 1
    if "integer" in kinds:
        yield "a huge number", HUGE
        yield "a fraction", 1.5
        yield "a word", "seven"
    if "array" in kinds:
        yield "a word", "abc"
        yield "an array of null", [None]
    if "null" not in kinds and kinds != {None}:
        yield "null", None


def _content(described: Described) -> dict[str, Any]:
    return dict(described.body.get("requestBody", {}).get("content", {}).get("application/json", {}))


def _schema(document: Document, described: Described) -> dict[str, Any]:
    found: dict[str, Any] = _content(described)["schema"]
    name = found.get("$ref", "").rpartition("/")[2]
    return document.raw["components"]["schemas"][name] if name else found


def _places(aim: Aim, described: Described) -> list[str]:
    return next((places for name, places in aim.places.items() if f"{{{name}}}" in described.path), [""])


def _headers(aim: Aim, label: str, described: Described) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    if not described.open_to_all:
        headers["Authorization"] = f"Bearer {aim.token(label)}"
    # A key that no request is kept under: it says what was sent.
    return {**headers, "Idempotency-Key": f"garbage-{random.getrandbits(64):x}"}


def _send(described: Described, what: str, url: str, body: bytes, headers: dict[str, str]) -> Sent:
    sent = {name: value for name, value in headers.items() if value or name != "Content-Type"}
    for _ in range(2):
        try:
            answer = _POOL.request(described.method.upper(), url, body=body, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            # A server may close a kept connection whose last body it did not read; twice in a row is no coincidence.
            silence = str(error)
            continue
        return Sent(described.label, what, answer.status, answer.data[:300].decode(errors="replace"))
    return Sent(described.label, what, NO_ANSWER, silence)
