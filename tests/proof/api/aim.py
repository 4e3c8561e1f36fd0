"""Aims generated requests at the franchise: a person of the plane, a real place, real rows, bodies that can be good.

What schemathesis made wrong on purpose stays wrong: only the parts of a request that it meant to be right are aimed.
"""

import json
import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from schemathesis import Case, HookContext
from schemathesis.core import NotSet
from schemathesis.core.parameters import ParameterLocation

from shared.clock import now
from tests.proof.api.bodies import body_for, file_for
from tests.proof.api.cast import Cast
from tests.proof.api.document import PLACES, Described
from tests.proof.api.ground import Ground
from tests.proof.api.known import QUERY, Known
from tests.proof.api.planes import machines

# Fields that nobody else may have yet.
UNIQUE = ("number", "sku", "code", "email", "work_email", "packing_slip", "name", "external_id", "external_subject")
SESSION = "gateway.session"
_AIMED = 0.85  # of the ids that exist; the rest asks for what does not


class Aim:
    """Turns generated cases of one plane into requests that reach their handlers."""

    def __init__(self, known: Known, cast: Cast, plane: str, seed: int, ground: Ground | None = None) -> None:
        self.known, self.cast, self.plane, self.seed = known, cast, plane, seed
        self.places, self.machines = places(cast), machines(known.document)
        self.redirected: Counter[str] = Counter()
        self._turn = 0
        day = cast.stage.today
        self.fixed = {
            "day": [str(day), f"{now():%Y-%m-%d}"],  # the story's, and that of the audit trail
            "month": ground.closing if ground else [f"{day:%Y-%m}"],
            "charged_month": ground.charging if ground else [f"{day:%Y-%m}"],
            "charged_agreement": [ground.agreement] if ground else known.values_of("agreement_id"),
            "kind": [QUERY["kind"]],
            "mso": [cast.stage.ids["mso"]],
            "oak": [cast.stage.ids["OAK"]],
            "practice": [cast.stage.ids["CA"]],
        }
        if ground:
            self.fixed["client_id"] = ground.clients  # no list of an entity tells machines from people

    def before_call(self, _: HookContext, case: Case[Any], __: Any) -> None:
        """The hook of schemathesis."""
        described = self.known.document.operations.get(case.operation.label)
        if described is None:
            return
        chance = random.Random(f"{self.seed} {case.operation.label} {case.path_parameters} {case.query} {case.body!r}")
        wrong = _wrong(case)
        self._path(case, described, chance, ParameterLocation.PATH in wrong)
        if ParameterLocation.QUERY not in wrong:
            self._query(case, described, chance)
        if ParameterLocation.BODY not in wrong:
            case.body = self._body(case, described, chance)
        if ParameterLocation.HEADER not in wrong:
            self._headers(case, chance)
        self._spare(case, described)

    def token(self, label: str) -> str:
        """Who asks: the people of the plane take turns; sessions are played with by somebody else each time."""
        self._turn += 1
        if self.known.document.operations[label].name.startswith(SESSION):
            return self.cast.drifter().token()
        if label in self.machines and self.plane == "clinical":
            return self.cast.machine.token()
        people = self.cast.people[self.plane]
        return people[self._turn % len(people)].token()

    def _path(self, case: Case[Any], described: Described, chance: random.Random, wrong: bool) -> None:
        values = dict(case.path_parameters or {})
        left_alone = _spoiled(case, chance) if wrong else None
        path = ""
        for part in described.path.split("/")[1:]:
            name = part.strip("{}")
            if part.startswith("{"):
                if name != left_alone:
                    values[name] = self._parameter(path, name, values.get(name), chance)
                path += f"/{values[name]}"
            else:
                path += f"/{part}"
        case.path_parameters = values

    def _parameter(self, path: str, name: str, given: Any, chance: random.Random) -> Any:
        if name in PLACES:
            return chance.choice(self.places[name])
        if name in self.fixed:
            return chance.choice(self.fixed[name]) if chance.random() < _AIMED else given
        found = self.known.ids_at(path, name)
        led_here = given in found and chance.random() < 0.5  # by a link of an earlier answer, perhaps long ago
        if not found or led_here or chance.random() > _AIMED:
            return given
        return self.known.newest(found, chance)

    def _headers(self, case: Case[Any], chance: random.Random) -> None:
        """A version that fits, and a key of the request's own: what is generated is mostly the same few words."""
        for name, value in (("If-Match", "*"), ("Idempotency-Key", uuid4().hex)):
            if name in (case.headers or {}) and chance.random() < _AIMED:
                case.headers[name] = value

    def _query(self, case: Case[Any], described: Described, chance: random.Random) -> None:
        if described.required and chance.random() < 0.6 and (seed := self.known.seed(described.label, chance)):
            case.query = {**(case.query or {}), **{name: seed[name] for name in described.required if name in seed}}
            return
        for name in list(case.query or {}):
            values = self.known.values_of(name)
            if values and name.endswith("_id") and chance.random() < _AIMED:
                case.query[name] = chance.choice(values)
            elif name == "cursor":
                del case.query[name]

    def _body(self, case: Case[Any], described: Described, chance: random.Random) -> Any:
        if isinstance(case.body, NotSet) or chance.random() > 0.7:
            return case.body
        if described.name.startswith(SESSION):
            return self._of_session(case.body, described.name)
        if isinstance(case.body, str) and (file := file_for(described.name)):
            return file
        if not isinstance(case.body, dict) or case.media_type != "application/json":
            return case.body
        seed = self.known.seed(described.label, chance) if chance.random() < 0.6 else None
        made = seed or body_for(described.name, self.known, chance, self.fixed)
        body = self._with_ids(self._crossed(made, case.body, chance) if made is not None else case.body, chance)
        return self._of_one_row(body, [*(case.path_parameters or {}).values(), body.get("order_id")], chance)

    def _of_one_row(self, node: Any, rows: list[Any], chance: random.Random, name: str = "") -> Any:
        """Lines that belong to the rows that the request is about."""
        if isinstance(node, dict):
            return {key: self._of_one_row(value, rows, chance, key) for key, value in node.items()}
        if isinstance(node, list):
            return [self._of_one_row(value, rows, chance) for value in node]
        fitting = [one for row in rows if isinstance(row, str) for one in self.known.within(row, name)]
        return chance.choice(fitting) if fitting and node not in fitting and chance.random() < _AIMED else node

    def _of_session(self, body: Any, name: str) -> Any:
        """What opens a session, renews it or changes a password: somebody's own, and theirs only."""
        person = self.cast.drifter()
        values = {
            "email": person.email,
            "password": person.password,
            "new_password": f"Another-{uuid4().hex}",
            "refresh_token": person.refresh_token,
            "plane": "business",
        }
        return {field: values.get(field, value) for field, value in body.items()} if isinstance(body, dict) else body

    def _crossed(self, seed: dict[str, Any], made: dict[str, Any], chance: random.Random) -> dict[str, Any]:
        """A body that once was accepted, with new names and now and then one generated field."""
        crossed = json.loads(json.dumps(seed))
        for name in UNIQUE:
            if isinstance(crossed.get(name), str) and chance.random() < 0.6:
                tag = uuid4().hex[:8]
                crossed[name] = f"{tag}.{crossed[name]}" if "email" in name else f"{crossed[name][:20]}-{tag}"
        if made and chance.random() < 0.4:
            name = chance.choice(sorted(made))
            crossed[name] = made[name]
        return dict(crossed)

    def _with_ids(self, node: Any, chance: random.Random, name: str = "") -> Any:
        if isinstance(node, dict):
            return {key: self._with_ids(value, chance, key) for key, value in node.items()}
        if isinstance(node, list):
            return [self._with_ids(value, chance, name.removesuffix("s")) for value in node]
        if name.endswith("_id") and _is_uuid(node) and not self.known.exists(node) and chance.random() < _AIMED:
            values = self.known.values_of(name)
            return chance.choice(values) if values else node
        return node

    def _spare(self, case: Case[Any], described: Described) -> None:
        """A change that would lock these people out hits another row of the same kind."""
        if described.method == "get":
            return
        for name in described.parameters:
            if case.path_parameters.get(name) in self.known.kept:
                others = [one for one in self.known.values_of(name) if one not in self.known.kept]
                case.path_parameters[name] = others[-1] if others else str(UUID(int=0))
                self.redirected[described.name] += 1


def places(cast: Cast) -> dict[str, list[str]]:
    """Where these people act: one site, its practice, and the management company's own books."""
    ids = cast.stage.ids
    return {"in_location": [ids["OAK"]], "in_entity": [ids["CA"], ids["CA"], ids["mso"]]}


def _spoiled(case: Case[Any], chance: random.Random) -> str | None:
    """The part of a path that was made wrong on purpose, as far as it is told."""
    values = case.path_parameters or {}
    told = case.meta.phase.data.parameter if case.meta else None
    return told if told in values else chance.choice([*values]) if values else None


def _wrong(case: Case[Any]) -> set[ParameterLocation]:
    """The parts that were made wrong on purpose."""
    if case.meta is None:
        return set()
    return {location for location in ParameterLocation if case.meta.is_negative_at(location)}


def _is_uuid(value: Any) -> bool:
    try:
        UUID(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return True
