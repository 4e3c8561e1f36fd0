"""What is known to exist: real ids by the list that names them, what is part of what, bodies and queries that once were
accepted."""

import random
from collections import defaultdict
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from deploy.demo.client import Answer, Person
from deploy.demo.stage import Stage
from tests.proof.api.document import Document

# Parameters that a list names by another field than `id`.
FIELDS = {"code": "code", "kind": "kind", "key": "key", "month": "month"}
# Lists that stand elsewhere than the things they name.
ELSEWHERE = {
    "officers": "grants",
    "clinical-grants": "grants",
    "machine-clients": "users",
}
# What a list asks for before it answers.
QUERY = {"kind": "reserved_decision", "purpose": "operations"}
_SEEDS_KEPT = 12


class Known:
    """Grows while requests are answered. Places are told apart: an id is known at the path that named it."""

    def __init__(self, document: Document, kept: set[str]) -> None:
        self.document, self.kept = document, kept
        self._ids: dict[str, dict[str, None]] = defaultdict(dict)
        self._values: dict[str, dict[str, None]] = defaultdict(dict)
        self._seeds: dict[str, list[Any]] = defaultdict(list)
        self._parts: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))

    def learn(self, method: str, url: str, sent: Any, status: int, answered: Any) -> None:
        """Take in one request that went well."""
        path = urlsplit(url).path
        template = self.document.template(path)
        if template is None or not 200 <= status < 300:
            return
        if method != "GET" and isinstance(sent, dict) and sent:
            self._keep_seed(f"{method} {template}", sent)
        if method == "GET" and (query := dict(parse_qsl(urlsplit(url).query))):
            self._keep_seed(f"{method} {template}", query)
        if isinstance(answered, dict):
            named = path if not template.endswith("}") else path.rpartition("/")[0]
            rows = answered["items"] if isinstance(answered.get("items"), list) else [answered]
            for row in rows:
                self._row(named, row)

    def _keep_seed(self, label: str, body: Any) -> None:
        seeds = self._seeds[label]
        if body not in seeds:
            seeds.append(body)
            del seeds[:-_SEEDS_KEPT]

    def _row(self, path: str, row: Any) -> None:
        """One row of the list at `path`, and the rows within it."""
        if not isinstance(row, dict):
            return
        noun, parts = _singular(path.rpartition("/")[2]), self._parts[str(row.get("id"))]
        for name, value in row.items():
            if isinstance(value, str) and (name.endswith("_id") or name == "id" or name in FIELDS.values()):
                self._ids[f"{path}#{name}"][value] = None
                self._values[f"{noun}_id" if name == "id" else name][value] = None
            elif isinstance(value, list):
                for inner in value:
                    if isinstance(inner, dict) and isinstance(inner.get("id"), str):
                        self._values[f"{noun}_{_singular(name)}_id"][inner["id"]] = None
                        parts[f"{noun}_{_singular(name)}_id"][inner["id"]] = None
                    for key, one in inner.items() if isinstance(inner, dict) else ():
                        if key.endswith("_id") and isinstance(one, str):
                            parts[key][one] = None

    def seed(self, label: str, chance: random.Random) -> Any:
        """A body (of a GET, a query) that was accepted, or None."""
        seeds = self._seeds.get(label)
        return chance.choice(seeds) if seeds else None

    def ids_at(self, collection: str, parameter: str) -> list[str]:
        """What may stand for `parameter` below a real path; for want of that, whatever bears its name anywhere."""
        head, _, last = collection.rpartition("/")
        field = FIELDS.get(parameter, "id")
        for place in (collection, f"{head}/{ELSEWHERE.get(last, last)}", head):
            if found := self._ids.get(f"{place}#{field}"):
                return list(found)
        return self.values_of(parameter)

    def values_of(self, name: str) -> list[str]:
        """Every value seen in a field of this name, oldest first."""
        return list(self._values.get(name, ()))

    def within(self, row: str, name: str) -> list[str]:
        """The ids of this name in the lines of a row: `order_line_id` of an order, or of a bill."""
        return list(self._parts[row][name]) if row in self._parts else []

    def exists(self, value: Any) -> bool:
        """Whether an id was seen anywhere."""
        return any(value in ids for ids in self._ids.values())

    @staticmethod
    def newest(values: list[str], chance: random.Random) -> str:
        """One of the values, the newer the likelier."""
        return values[-1 - min(int(chance.expovariate(0.2)), len(values) - 1)]

    @property
    def counts(self) -> tuple[int, int]:
        """(ids, operations with a seed)"""
        return sum(map(len, self._ids.values())), len(self._seeds)


class Listener(Person):
    """A person whose requests and answers are noted in `known`."""

    known: Known

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        answer = super().call(method, path, body, headers=headers, **query)
        asked = f"{path}?{urlencode(query)}" if query else path
        self.known.learn(method, asked, body, answer.status, answer.body)
        return answer


class ListeningStage(Stage):
    """The story's stage, whose people are listened to."""

    known: Known

    def person(self, key: str, plane: str | None = None) -> Person:
        return self.heard(super().person(key, plane))

    def machine(self) -> Person:
        return self.heard(super().machine())

    def heard(self, person: Person) -> Person:
        """The same person, listened to."""
        listener = Listener(person.base, person.email, person.password, person.plane, person.api_key)
        listener.known = self.known
        return self._heard_already.setdefault((person.email, person.plane), listener)

    @cached_property
    def _heard_already(self) -> dict[tuple[str, str], Listener]:
        return {}


def explore(known: Known, person: Person, places: dict[str, list[str]], lists: set[str]) -> None:
    """Read these lists, as far as the person may, so that their ids are known; twice, for lists below rows."""
    for _ in range(2):
        for described in known.document.operations.values():
            if described.method != "get" or described.path not in lists:
                continue
            for path in _addresses(known, described.path, places):
                query: dict[str, Any] = {name: QUERY[name] for name in described.required if name in QUERY}
                answer = person.call("GET", path, **query)
                known.learn("GET", path, None, answer.status, answer.body)


def _addresses(known: Known, template: str, places: dict[str, list[str]]) -> list[str]:
    """The template at every place, each of its own parameters filled with the newest id that is known."""
    kind = next((name for name in places if f"{{{name}}}" in template), None)
    return [path for place in (places[kind] if kind else [""]) if (path := address(known, template, place))]


def address(known: Known, template: str, place: str) -> str | None:
    """A real path to the newest row at `place`; None where nothing is known there."""
    path = ""
    for part in template.split("/")[1:]:
        name = part.strip("{}")
        if part in ("{in_location}", "{in_entity}"):
            value: str | None = place
        elif part.startswith("{"):
            value = next(reversed(known.ids_at(path, name)), None)
        else:
            value = part
        if value is None:
            return None
        path += f"/{value}"
    return path


def _singular(word: str) -> str:
    """`orders` -> `order`, `legal-entities` -> `legal_entity`, as fields name them."""
    word = word.replace("-", "_")
    irregular = {"people": "person", "fee_terms": "terms", "fee_statements": "statement", "moves": "move"}
    if word in irregular:
        return irregular[word]
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
