"""Layer 1: every operation through the door, by everybody who may not."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from tests.proof.wall import forged
from tests.proof.wall.cast import Caller, Cast, end_session, sign_in
from tests.proof.wall.markers import Markers
from tests.proof.wall.operations import Operation
from tests.proof.wall.requests import Maker, Place, Request, Target
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import Answer, World

T = TypeVar("T")
REFUSED = frozenset(range(400, 500)) - {408, 429}
_OWN_WORDS = re.compile(r'"request_id":"[^"]*"')


@dataclass(frozen=True)
class Try:
    """One attack. `expected`: the statuses that refuse it; `policy`: how the policy that refuses must be called;
    `problem`: what the refusal must be called.

    `may_find_nothing`: a list of the caller's own may be answered, when it says exactly what it would say if the
    foreign thing did not exist. `nothing` is that other request; its answer must be the same.
    """

    case: str
    request: Request
    bearer: Callable[[], str | None]
    expected: frozenset[int]
    policy: str = ""
    problem: str = ""
    sourced: bool = False
    forbidden: Markers | None = None
    nothing: Request | None = None
    may_find_nothing: bool = False


class Door:
    """The attacks on one target, case by case."""

    def __init__(
        self, world: World, cast: Cast, target: Target, ended: Target, uncovered: Target, markers: dict[str, Markers]
    ) -> None:
        self.world, self.cast, self.target = world, cast, target
        self.ended, self.uncovered, self.markers = ended, uncovered, markers
        self._gone = sign_in(world, replace(cast.at_site[0], name="Signed out", signed_in=None, _token=(0.0, "")))
        self._gone_bearer = self._gone.bearer
        end_session(world, self._gone)

    def tries(self, operation: Operation) -> Iterator[Try]:
        """Everything that is tried on one operation."""
        yield from self._tokens(operation)
        yield from self._strangers(operation)
        yield from self._planes(operation)
        yield from self._reserved(operation)
        if operation.service != "gateway":
            yield from self._agreements(operation)
        if operation.patient and operation.plane == "any":
            yield from self._without_purpose(operation)

    def _at_target(self, operation: Operation) -> Iterator[Request]:
        for kind in _kinds(operation):
            yield Maker(self.target, operation, None).at(self.target.place(kind))

    def _tokens(self, operation: Operation) -> Iterator[Try]:
        keyring = self.world.keyring("gateway")
        good = self.cast.office.bearer if operation.plane != "clinical" else self.cast.clinic.bearer
        scope = {"kind": "network", "locations": None, "entities": None}
        inner = {"aud": operation.service, "roles": ["franchise_admin"], "op": operation.name, "scope": scope}
        other = {**inner, "op": "gateway.organization.read", "aud": "gateway", "kind": "person", "limits": {}}
        tokens: list[tuple[str, str | None]] = [
            ("no token", None),
            ("forged token", "nothing.like.it"),
            ("forged token", forged.unsigned(keyring, good)),
            ("forged token", forged.by_nobody(keyring, good)),
            ("forged token", forged.altered(good)),
            ("forged token", "pwk_aaaaaaaaaaaa_" + "a" * 43),
            ("expired token", forged.expired(keyring, good)),
            ("expired token", self._gone_bearer),
            ("wrong audience", forged.signed(keyring, good, aud="procurement")),
            ("wrong audience", forged.signed(self.world.keyring("procurement"), good, iss="procurement")),
            ("other operation's token", forged.signed(keyring, good, **inner)),
            ("other operation's token", forged.signed(keyring, good, **other)),
        ]
        for request in self._at_target(operation):
            for case, token in tokens:
                yield Try(case, request, _given(token), frozenset({401}), forbidden=self.markers["organization"])

    def _strangers(self, operation: Operation) -> Iterator[Try]:
        for caller in _on_plane(operation, self.cast.outsiders):
            for request in self._at_target(operation):
                refused = frozenset({404} if request.place.id else {403, 404})
                yield self._by(caller, "no grant", request, refused, "organization")
        yield from self._from(operation, "other location", self.cast.at_site, "site")
        yield from self._from(operation, "other entity", self.cast.at_entity, "entity")
        yield from self._from(operation, "other organization", self.cast.neighbours, "organization")

    def _from(self, operation: Operation, case: str, callers: list[Caller], markers: str) -> Iterator[Try]:
        """At the target's address; then at their own, with the target's ids."""
        for caller in _on_plane(operation, callers):
            for kind in _kinds(operation):
                if kind == "entity" and case == "other location":
                    continue  # it is the same entity; whoever holds a site only has no business with its books
                yield from self._at_theirs(operation, case, caller, kind, markers)
                yield from self._at_own(operation, case, caller, kind, markers)

    def _at_theirs(self, operation: Operation, case: str, caller: Caller, kind: str, markers: str) -> Iterator[Try]:
        place = self.target.place(kind)
        if place.id is None:
            return
        request = Maker(self.target, operation, caller).at(place)
        attack = self._by(caller, case, request, frozenset({404}), markers)
        yield replace(attack, nothing=request.about_nothing({place.id, *request.foreign}))

    def _at_own(self, operation: Operation, case: str, caller: Caller, kind: str, markers: str) -> Iterator[Try]:
        own = self._own(caller, kind)
        if own is None:
            return
        request = Maker(self.target, operation, caller).at(own, filters=True)
        if not request.foreign:
            return
        attack = self._by(caller, case, request, REFUSED, markers)
        reads = not operation.writes and not request.foreign_in_path
        yield replace(attack, nothing=request.about_nothing(request.foreign), may_find_nothing=reads)

    def _own(self, caller: Caller, kind: str) -> Place | None:
        if kind == "network":
            return Place("network")
        if caller.organization != self.target.rows.organization:
            return Place(kind, {"location": self.cast.neighbour.location, "entity": self.cast.neighbour.entity}[kind])
        mine = caller.locations if kind == "location" else caller.entities
        return Place(kind, next(iter(mine))) if mine else None

    def _planes(self, operation: Operation) -> Iterator[Try]:
        if operation.plane == "any":
            return
        caller = self.cast.clinic if operation.plane == "business" else self.cast.office
        for request in self._at_target(operation):
            yield self._by(caller, "wrong plane", request, frozenset({403}), None, "wall.")

    def _reserved(self, operation: Operation) -> Iterator[Try]:
        for caller in self.cast.each_role.values() if operation.reserved else ():
            for request in self._at_target(operation):
                attack = self._by(caller, "reserved, each business role", request, frozenset({403}), None)
                # A role over one site only does not even find the books of the entity.
                found = caller.roles != {"front_desk"} or request.place.kind == "location"
                named = replace(attack, policy="wall.reserved-decision", sourced=True)
                yield named if found else replace(attack, expected=frozenset({404}))

    def _agreements(self, operation: Operation) -> Iterator[Try]:
        for case, target in (("agreement ended", self.ended), ("agreement out of scope", self.uncovered)):
            for kind in _kinds(operation):
                place = target.place(kind)
                if place.id is not None:
                    request = Maker(self.target, operation, None).at(place)
                    yield self._by(self.cast.office, case, request, frozenset({403}), None, "wall.")

    def _without_purpose(self, operation: Operation) -> Iterator[Try]:
        for request in self._at_target(operation):
            yield self._by(
                self.cast.office, "patient data, no purpose", request, frozenset({403}), None, "wall.patient-data"
            )

    def _by(
        self,
        caller: Caller,
        case: str,
        request: Request,
        expected: frozenset[int],
        markers: str | None,
        policy: str = "",
    ) -> Try:
        forbidden = self.markers[markers] if markers else None
        return Try(case, request, lambda: caller.bearer, expected, policy, forbidden=forbidden)


def _kinds(operation: Operation) -> list[str]:
    """The kinds of address under which an operation is found."""
    return list(dict.fromkeys("network" if scope == "organization" else scope for scope in operation.scopes))


def _on_plane(operation: Operation, callers: Iterable[Caller]) -> list[Caller]:
    """Those who act on the operation's plane; a machine only where people of its plane go too."""
    return [one for one in callers if operation.plane in ("any", one.plane)]


def _given(token: str | None) -> Callable[[], str | None]:
    return partial(_same, token)


def _same(token: str | None) -> str | None:
    return token


def attack(world: World, one: Try) -> str | None:
    """Send it; what was wrong with the answer, or None."""
    answer = _send(world, one.request, one.bearer())
    found = fault(one, answer)
    # Sites of one entity share its rows: such a list may say more than nothing, but nothing of the other site.
    shared = one.case == "other location" and answer.status == 200
    if found is None and one.nothing is not None and not shared:
        found = difference(one, answer, _send(world, one.nothing, one.bearer()))
    return f"{one.request.operation.method} {one.request.path}: {found}" if found else None


def _send(world: World, request: Request, bearer: str | None) -> Answer:
    headers = dict(request.headers)
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    return world.send(request.operation.method, world.platform.url + request.path, headers, request.body)


def fault(one: Try, answer: Answer) -> str | None:
    """What is wrong with an answer that should have refused, or None."""
    found = one.forbidden.found(answer.text, one.request.sent) if one.forbidden else None
    if found:
        return f"{answer.status} shows {found}"
    if answer.status not in one.expected and not (one.may_find_nothing and answer.status == 200):
        return f"answered {answer.status} {answer.body[:200]!r}, not {sorted(one.expected)[:4]}"
    if one.problem and not str(json.loads(answer.body).get("type", "")).endswith(f"#{one.problem}"):
        return f"refused as {answer.body[:200]!r}, not as {one.problem}"
    if one.policy or one.sourced:
        said = json.loads(answer.body)
        if not str(said.get("policy", "")).startswith(one.policy) or not said.get("why"):
            return f"refused by {said.get('policy')!r}, not {one.policy}"
        if one.sourced and not (said.get("source") and said.get("who_can")):
            return "the refusal names no source, or nobody who could"
    return None


def difference(one: Try, answer: Answer, other: Answer) -> str | None:
    """A thing of somebody else answers as one that does not exist: same status, same words."""
    assert one.nothing is not None
    if _neutral(answer, one.request) == _neutral(other, one.nothing):
        return None
    return f"answers {answer.status} {answer.body[:160]!r}; for what does not exist {other.status} {other.body[:160]!r}"


def _neutral(answer: Answer, request: Request) -> tuple[int, str]:
    text = _OWN_WORDS.sub("", answer.body.decode("utf-8", "replace"))
    for sent in sorted(request.sent):
        text = text.replace(sent, "(id)")
    return answer.status, text


def prove(world: World, door: Door, operations: Iterable[Operation], sample: int | None) -> Tally:
    """Try everything, or `sample` attacks an operation drawn by the dice: one of each case first."""
    tally = Tally("door")
    for operation in operations:
        for one in drawn(world, list(door.tries(operation)), lambda one: one.case, sample):
            tally.note(operation.name, one.case, attack(world, one))
    return tally


def drawn(world: World, tries: list[T], case: Callable[[T], str], sample: int | None) -> list[T]:
    """All of `tries`; or `sample` of them, of as many cases as possible."""
    if sample is None:
        return tries
    world.dice.shuffle(tries)
    return list({case(one): one for one in tries}.values())[:sample]
