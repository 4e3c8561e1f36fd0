"""Layer 2, with the door off: every operation straight at its service, with no token, a forged one, or one for else.

The directory's service has no port of its own; here its app is called as the door calls it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Flask

from services.gateway.app import create_directory
from services.gateway.roles import of_plane
from shared.identity import Context
from shared.ids import new_id
from shared.settings import Settings
from shared.tenancy import Scope
from shared.web.operations import HEADER
from tests.proof.wall import forged
from tests.proof.wall.cast import Caller, Cast
from tests.proof.wall.door import REFUSED, Try, difference, drawn, fault
from tests.proof.wall.markers import Markers
from tests.proof.wall.operations import SCOPES, Operation
from tests.proof.wall.requests import Maker, Place, Request, Target
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import Answer, World

_OTHER = "procurement.nothing.read"


@dataclass(frozen=True)
class Direct:
    """One attack past the door: a Try whose bearer is the context token."""

    attempt: Try
    token: str | None


class Services:
    """Attacks on one target, past the door."""

    def __init__(self, world: World, cast_: Cast, target: Target, markers: dict[str, Markers]) -> None:
        self.world, self.cast, self.target, self.markers = world, cast_, target, markers
        self._keyring = world.keyring("gateway")
        self._inner: Flask | None = None

    @property
    def inner(self) -> Flask:
        """The directory behind the door, on the platform's database."""
        if self._inner is None:
            platform = self.world.platform
            self._inner = create_directory(
                Settings(
                    service="gateway", database_url=platform.database_url("gateway"), owner_database_url=None,
                    bus_url=None, keys_folder=platform.folder / "keys" / "gateway", peers={}, host="127.0.0.1", port=0,
                    ops_port=0, threads=2, web_workers=1, max_body_bytes=2 * 1024 * 1024, log_level="ERROR",
                    outbox_notify=True,
                )
            )  # fmt: skip
        return self._inner

    def close(self) -> None:
        if self._inner is not None:
            self._inner.extensions["partywall"].database.close()

    def certain(self, operation: Operation) -> Iterator[Direct]:
        """What is tried on every operation, every time."""
        yield Direct(self._try("service: no token", self._request(operation), frozenset({401})), None)
        if operation.reserved:
            yield self._replayed(operation)

    def attempts(self, operation: Operation) -> Iterator[Direct]:
        """Everything else that is tried on one operation."""
        yield from self._forged(operation)
        yield from self._elsewhere(operation)
        yield from self._others_scope(operation)
        yield from self._wrong_plane(operation)
        if operation.recorded_first:
            yield self._unrecorded(operation)

    def _request(self, operation: Operation) -> Request:
        return Maker(self.target, operation, None).at(Place("network"))

    def _forged(self, operation: Operation) -> Iterator[Direct]:
        keyring, audience = self._keyring, operation.service
        good = self._token(operation, self._own_scope(operation.scopes[0]))
        elsewhere = "hr" if audience != "hr" else "billing"
        tokens = [
            ("service: forged token", "nothing.like.it"),
            ("service: forged token", forged.unsigned(keyring, good)),
            ("service: forged token", forged.by_nobody(keyring, good)),
            ("service: forged token", forged.altered(good)),
            ("service: forged token", forged.signed(self.world.keyring(elsewhere), good)),
            ("service: forged token", forged.signed(self.world.keyring(elsewhere), good, iss=elsewhere)),
            ("service: expired token", forged.expired(keyring, good)),
            ("service: expired token", forged.from_the_future(keyring, good)),
            ("service: wrong audience", forged.signed(keyring, good, aud=elsewhere)),
            ("service: wrong audience", forged.signed(keyring, good, aud="partywall")),
            ("service: wrong audience", self.cast.office.bearer),
        ]
        for case, token in tokens:
            yield Direct(self._try(case, self._request(operation), frozenset({401})), token)

    def _elsewhere(self, operation: Operation) -> Iterator[Direct]:
        """For another operation, and for this one in a kind of scope that it does not have."""
        request = self._request(operation)
        scope = self._own_scope(operation.scopes[0])
        other = replace(self._context(operation, scope), operation=_OTHER)
        tokens = [self._signed(operation, other)]
        for kind in set(SCOPES) - set(operation.scopes):
            tokens.append(self._token(operation, self._own_scope(kind)))
        for token in tokens:
            yield Direct(self._try("service: other operation's token", request, frozenset({401})), token)

    def _others_scope(self, operation: Operation) -> Iterator[Direct]:
        """What a door without policies would issue: the right operation, in the caller's own scope, for foreign ids."""
        cast_ = self.cast
        cases = (
            ("service: other location", cast_.at_site, "site"),
            ("service: other entity", cast_.at_entity, "entity"),
            ("service: other organization", cast_.neighbours, "organization"),
        )
        for case, (business, clinical, _), markers in cases:
            caller = clinical if operation.plane == "clinical" else business
            for kind in operation.scopes:
                scope = self._scope_of(caller, kind)
                if scope is None or (markers == "site" and kind == "entity"):
                    continue
                yield from self._as_if_decided(operation, case, caller, scope, self.markers[markers])

    def _as_if_decided(
        self, operation: Operation, case: str, caller: Caller, scope: Scope, markers: Markers
    ) -> Iterator[Direct]:
        request = Maker(self.target, operation, caller).at(Place("network"), filters=True)
        token = self._token(operation, scope, caller)
        if request.foreign:
            attempt = replace(
                self._try(case, request, REFUSED),
                forbidden=markers,
                nothing=request.about_nothing(request.foreign),
                may_find_nothing=not operation.writes and not request.foreign_in_path,
            )
            yield Direct(attempt, token)
        elif not operation.writes:
            attempt = replace(self._try(case, request, REFUSED | {200}), forbidden=markers)
            yield Direct(attempt, token)

    def _wrong_plane(self, operation: Operation) -> Iterator[Direct]:
        """Everything right but the plane; and each business role on what is reserved."""
        case = "service: wrong plane"
        scope, request = self._own_scope(operation.scopes[0]), self._request(operation)
        if operation.plane != "any":
            plane: Any = "clinical" if operation.plane == "business" else "business"
            caller = self.cast.clinic if plane == "clinical" else self.cast.office
            decided = replace(self._context(operation, scope, caller), plane=plane)
            token = self._signed(operation, decided)
            yield Direct(self._try(case, request, frozenset({401, 403})), token)
        for role in of_plane("business") if operation.reserved else ():
            decided = replace(self._context(operation, scope), plane="business", roles=frozenset({role.name}))
            token = self._signed(operation, decided)
            yield Direct(self._try("service: reserved, each business role", request, frozenset({401, 403})), token)

    def _replayed(self, operation: Operation) -> Direct:
        """Right in everything, sent again: the decision it was issued for was taken, on another subject or this one."""
        taken = self.target.row(operation.service, "reserved_decision")
        assert taken is not None and str(taken.values["legal_entity_id"]) == self.target.entity
        decided = self._context(operation, self._own_scope(operation.scopes[0]))
        spent = replace(decided, decision_id=taken.values["gateway_decision_id"])
        attempt = self._try("service: replayed", self._request(operation), frozenset({409}))
        return Direct(replace(attempt, problem="decision-spent"), self._signed(operation, spent))

    def _unrecorded(self, operation: Operation) -> Direct:
        """Right in everything, but of a decision that nobody wrote down first."""
        decided = replace(self._context(operation, self._own_scope(operation.scopes[0])), decision_id=None)
        attempt = self._try("service: decision not on record", self._request(operation), frozenset({403}))
        return Direct(replace(attempt, problem="decision-not-on-record"), self._signed(operation, decided))

    def _try(self, case: str, request: Request, expected: frozenset[int]) -> Try:
        return Try(case, request, lambda: None, expected, forbidden=self.markers["organization"])

    def _own_scope(self, kind: str) -> Scope:
        """The target's own scope of a kind: everything about the token is right but what is tried."""
        organization = self.target.rows.organization
        return _scope(organization, kind, self.target.location, self.target.entity)

    def _scope_of(self, caller: Caller, kind: str) -> Scope | None:
        if caller.organization != self.target.rows.organization:
            return _scope(caller.organization, kind, self.cast.neighbour.location, self.cast.neighbour.entity)
        if kind == "organization" or not (caller.locations and caller.entities):
            return None  # of one organization there is only one such scope
        location, entity = next(iter(caller.locations)), next(iter(caller.entities))
        if kind == "network":
            return Scope(caller.organization, "network", (UUID(location),), (UUID(entity),))
        return _scope(caller.organization, kind, location, entity)

    def _context(self, operation: Operation, scope: Scope, caller: Caller | None = None) -> Context:
        who = caller or (self.cast.clinic if operation.plane == "clinical" else self.cast.office)
        return Context(
            principal_id=who.user,
            principal_kind=who.kind,
            principal_name=who.name,
            plane=who.plane,
            roles=who.roles,
            operation=operation.name,
            scope=scope,
            licence="CA A700700" if who.plane == "clinical" else None,
            decision_id=new_id() if operation.recorded_first else None,
        )

    def _token(self, operation: Operation, scope: Scope, caller: Caller | None = None) -> str:
        return self._signed(operation, self._context(operation, scope, caller))

    def _signed(self, operation: Operation, decided: Context) -> str:
        return forged.context(self._keyring, decided, operation.service)

    def attack(self, one: Direct) -> str | None:
        """Send it; what was wrong with the answer, or None."""
        answer = self.send(one.attempt.request, one.token)
        found = fault(one.attempt, answer)
        shared = one.attempt.case == "service: other location" and answer.status == 200
        if found is None and one.attempt.nothing is not None and not shared:
            found = difference(one.attempt, answer, self.send(one.attempt.nothing, one.token))
        request = one.attempt.request
        return f"{request.operation.method} {request.inner}: {found}" if found else None

    def send(self, request: Request, token: str | None) -> Answer:
        headers = {**request.headers, **({HEADER: token} if token is not None else {})}
        operation = request.operation
        if operation.service != "gateway":
            url = self.world.address(operation.service) + request.inner
            return self.world.send(operation.method, url, headers, request.body)
        client = self.inner.test_client()
        answer = client.open(request.inner, method=operation.method, headers=headers, data=request.body)
        shown = "\n".join(f"{name}: {value}" for name, value in answer.headers)
        return Answer(answer.status_code, shown, answer.get_data())


def _scope(organization: UUID, kind: str, location: str, entity: str) -> Scope:
    if kind == "location":
        return Scope(organization, "location", (UUID(location),), (UUID(entity),))
    if kind == "entity":
        return Scope(organization, "entity", (UUID(location),), (UUID(entity),))
    return Scope(organization, "network" if kind == "network" else "organization")


def prove(services: Services, operations: Iterable[Operation], sample: int | None) -> Tally:
    """Try everything; or of each operation what is certain, and `sample` more drawn by the dice."""
    tally = Tally("service")
    for operation in operations:
        chosen = drawn(services.world, list(services.attempts(operation)), lambda one: one.attempt.case, sample)
        for one in (*services.certain(operation), *chosen):
            tally.note(operation.name, one.attempt.case.removeprefix("service: "), services.attack(one))
    return tally
