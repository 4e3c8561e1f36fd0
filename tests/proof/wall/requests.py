"""Requests made of an operation and the target's real rows, and the same request about things that do not exist."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from shared.ids import new_id
from tests.proof.wall import bodies
from tests.proof.wall.cast import Caller
from tests.proof.wall.operations import Operation
from tests.proof.wall.rows import NoRow, Row, Rows
from tests.proof.wall.world import World

# What a path names a thing by when it is no id of a row.
_NAMED = {"kind": "reserved_decision", "key": "governance.msa.sign"}
_CSV = b"name,code\r\ntried,T-1\r\n"


@dataclass(frozen=True)
class Place:
    """An address: a location, an entity or the whole network."""

    kind: str
    id: str | None = None

    @property
    def prefix(self) -> str:
        kinds = {"location": "locations", "entity": "entities"}
        return f"/v1/{kinds[self.kind]}/{self.id}" if self.id else "/v1/network"


@dataclass(frozen=True)
class Request:
    """One request, ready to be sent to the door (`at` a place) or past it. `foreign`: ids that are not the caller's."""

    operation: Operation
    place: Place
    inner: str
    body: bytes | None
    sent: frozenset[str]
    foreign: frozenset[str] = frozenset()
    foreign_in_path: bool = False

    @property
    def path(self) -> str:
        return f"{self.place.prefix}/{self.operation.service}{self.inner}"

    @property
    def headers(self) -> dict[str, str]:
        said = {"Accept": "application/json", "If-Match": '"1"'}
        if self.operation.method != "GET":
            said["Idempotency-Key"] = str(new_id())
        if self.operation.body_type and self.body is not None:
            said["Content-Type"] = self.operation.body_type
        return said

    def about_nothing(self, ids: Iterable[str]) -> "Request":
        """The same request with `ids` replaced by ids that nobody has."""
        place, inner, body = self.place, self.inner, self.body
        sent = set(self.sent)
        for one in ids:
            other = str(new_id())
            inner = inner.replace(one, other)
            body = body.replace(one.encode(), other.encode()) if body is not None else None
            place = replace(place, id=other) if place.id == one else place
            sent.add(other)
        return replace(self, place=place, inner=inner, body=body, sent=frozenset(sent))


@dataclass
class Target:
    """Whose rows are asked for: an organization, one of its sites, and the entity that practises there."""

    world: World
    rows: Rows
    location: str
    entity: str
    mso: str

    def place(self, kind: str) -> Place:
        """The target's own address of a kind."""
        return Place(kind, {"location": self.location, "entity": self.entity}.get(kind))

    def row(self, service: str, table: str, stranger: Caller | None = None) -> Row | None:
        """A row at the target, if there is one; with `stranger` one that is foreign to them rather than any other."""
        rows = self.rows.of(service, table)
        here = [row for row in rows if row.within(frozenset({self.location}), frozenset({self.entity}))] or rows
        strange = [row for row in here if stranger and is_foreign(row, self.rows, stranger)]
        return self.world.dice.choice(strange or here) if here else None


def is_foreign(row: Row, rows: Rows, caller: Caller) -> bool:
    """Whether the row lies outside what the caller's grants reach."""
    return rows.organization != caller.organization or not row.within(caller.locations, caller.entities)


class Maker:
    """Makes one request; remembers which ids it sent."""

    def __init__(self, target: Target, operation: Operation, stranger: Caller | None) -> None:
        self.target, self.operation, self.stranger = target, operation, stranger
        self.sent: set[str] = set()
        self.foreign: set[str] = set()

    def at(self, place: Place, *, filters: bool = False) -> Request:
        """The request at `place`; `filters` sends the ids that a list may be filtered by."""
        inner = self.operation.filled({name: self._parameter(name) for name in self.operation.parameters})
        in_path = bool(self.foreign)
        if query := self._query(filters):
            inner += f"?{urlencode(query)}"
        body = self._body()
        sent = frozenset(self.sent | ({place.id} if place.id else set()))
        return Request(self.operation, place, inner, body, sent, frozenset(self.foreign), in_path)

    def _parameter(self, name: str) -> str:
        if name in _NAMED:
            return _NAMED[name]
        segments = self.operation.path.split("/")
        segment = segments[segments.index(f"{{{name}}}") - 1]
        if name.endswith("_id"):
            return self._id(self.target.rows.meant(self.operation.service, name, segment))
        return self._named(name, segment)

    def _named(self, name: str, segment: str) -> str:
        """What is called by a code or a month instead of an id; a day where the target has nothing of that name."""
        try:
            table = self.target.rows.meant(self.operation.service, name, segment)
        except NoRow:
            table = ""
        row = self.target.row(self.operation.service, table, self.stranger)
        moment = datetime.now(UTC).strftime("%Y-%m" if name == "month" else "%Y-%m-%d")
        return str(row.values.get(name, moment)) if row else moment

    def _id(self, table: str) -> str:
        row = self.target.row(self.operation.service, table, self.stranger)
        if row is None:
            raise NoRow(f"{self.operation.name}: {table} has no row")
        return self._note(row.key, strange=bool(self.stranger) and is_foreign(row, self.target.rows, self.stranger))  # type: ignore[arg-type]

    def _note(self, key: str, *, strange: bool) -> str:
        self.sent.add(key)
        if strange:
            self.foreign.add(key)
        return key

    def _field(self, name: str) -> str:
        """A real id for a field of a body or a query."""
        noun = name.removesuffix("_ids").removesuffix("_id")
        places = {"location": self.target.location, "legal_entity": self.target.entity, "mso": self.target.mso}
        if noun in places:
            return self._note(places[noun], strange=self._outside(noun, places[noun]))
        try:
            row = self.target.row(
                self.operation.service, self.target.rows.meant(self.operation.service, name), self.stranger
            )
        except NoRow:
            row = None
        if row is None:
            return self._note(self.target.location, strange=self._outside("location", self.target.location))
        return self._note(row.key, strange=bool(self.stranger) and is_foreign(row, self.target.rows, self.stranger))  # type: ignore[arg-type]

    def _outside(self, noun: str, key: str) -> bool:
        caller = self.stranger
        if caller is None or noun == "mso":
            return caller is not None and caller.organization != self.target.rows.organization
        reach = caller.locations if noun == "location" else caller.entities
        return caller.organization != self.target.rows.organization or (reach is not None and key not in reach)

    def _query(self, filters: bool) -> dict[str, str]:
        document, dice = self.operation.document, self.target.world.dice
        wanted = [
            one
            for one in self.operation.query
            if one.get("required") or (filters and one["schema"].get("format") == "uuid")
        ]
        return {
            one["name"]: str(bodies.value(one["schema"], document, self._field, one["name"], dice)) for one in wanted
        }

    def _body(self) -> bytes | None:
        if self.operation.body_type is None:
            return b"{}" if self.operation.method == "POST" else None
        schema = self.operation.body_schema
        if schema is None:
            return _CSV
        dice = self.target.world.dice
        return json.dumps(bodies.value(schema, self.operation.document, self._field, "", dice)).encode()
