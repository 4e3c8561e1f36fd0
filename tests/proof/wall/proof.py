"""The whole proof on one platform: two organizations, three layers with the others off, and what is told elsewhere."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from deploy.demo import story
from tests.proof.wall import cast as casts
from tests.proof.wall import door, echoes, markers, operations, services, tables
from tests.proof.wall.cast import Cast, Company, Practice
from tests.proof.wall.markers import Markers
from tests.proof.wall.requests import Place, Target
from tests.proof.wall.rows import Row, Rows
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import World

Say = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How much is tried of each operation: at the door, and past it; None is everything."""

    door: int | None = None
    service: int | None = None


@dataclass
class Proof:
    """What came of it."""

    seed: int
    tallies: list[Tally]
    answered: int

    @property
    def leaks(self) -> list[str]:
        return [leak for tally in self.tallies for leak in tally.leaks]

    @property
    def tried(self) -> int:
        return sum(tally.tried for tally in self.tallies)

    def of(self, layer: str) -> Tally:
        return next(tally for tally in self.tallies if tally.layer == layer)


def prove(world: World, effort: Effort, say: Say) -> Proof:
    """Make the cast, play the story, try everything."""
    declared = operations.declared()
    say("a second organization")
    company, practice, others = casts.neighbours(world)
    theirs = Target(world, Rows(world, company.organization), practice.location, practice.entity, practice.entity)
    own = {"network": Place("network"), "location": Place("location", practice.location)}
    own["entity"] = Place("entity", practice.entity)
    asked = echoes.questions(declared, own, theirs)
    before = [echoes.answers(world, asked, others[0]) for _ in range(2)]
    say("the demo story, so that there is something to find")
    story.play(world.stage)
    told = echoes.answers(world, asked, others[0])
    say("the cast of the demo franchise")
    cast = casts.gather(world, company, practice, others)
    target, seen = _target(world, declared), _marked(world, cast, company)
    tallies = [_layer_three(world, target, cast)]
    say(f"database: {tallies[0].tried:,} tried")
    tallies += _layers(world, cast, target, seen, effort, declared, say)
    rest = Tally("elsewhere")
    echoes.unmoved(rest, before, told)
    answered = echoes.lists(rest, told, seen["organization"]) + _own_lists(world, rest, cast, target, seen, declared)
    _elsewhere(world, rest, cast, company, practice, target, declared)
    return Proof(world.seed, [*tallies, rest], answered)


def _target(world: World, declared: list[operations.Operation]) -> Target:
    """Oakland, of Lakeside Aesthetics PC; each thing that an operation is about has a row, and a decision was taken
    wherever one can be."""
    ids = world.stage.ids
    rows = Rows(world, world.organization)
    ground = {
        "organization_id": world.organization,
        "location_id": UUID(ids["OAK"]),
        "legal_entity_id": UUID(ids["CA"]),
    }
    for operation in declared:
        if operation.reserved:
            rows.fill(operation.service, "reserved_decision", ground)
        segments = operation.path.split("/")
        for name in operation.parameters:
            if name.endswith("_id"):
                before = segments[segments.index(f"{{{name}}}") - 1]
                rows.fill(operation.service, rows.meant(operation.service, name, before), ground)
    return Target(world, rows, ids["OAK"], ids["CA"], ids["mso"])


def _marked(world: World, cast: Cast, company: Company) -> dict[str, Markers]:
    """What each kind of stranger may not see of the demo franchise."""
    ids = world.stage.ids
    everything = list(Rows(world, world.organization).everything())
    theirs = list(Rows(world, company.organization).everything())

    def outside(site: str, entity: str) -> Markers:
        places, books = frozenset({ids[site]}), frozenset({ids[entity]})
        inside: list[Row] = [row for row in everything if row.within(places, books)]
        return markers.of_rows((row for row in everything if not row.within(places, books)), inside, every_id=False)

    return {
        "organization": markers.of_rows(everything, theirs, every_id=True),
        "site": outside("SJC", "CA"),
        "entity": outside("BKN", "NY"),
    }


def _layer_three(world: World, target: Target, cast: Cast) -> Tally:
    neighbour = cast.neighbours[0]
    callers = {
        "other location": cast.at_site[0],
        "other entity": cast.at_entity[0],
        "other organization": casts.placed_at(neighbour, cast.neighbour),
    }
    return tables.prove(world, target, callers)


def _layers(
    world: World,
    cast: Cast,
    target: Target,
    seen: dict[str, Markers],
    effort: Effort,
    declared: list[operations.Operation],
    say: Say,
) -> list[Tally]:
    ids = world.stage.ids
    straight = services.Services(world, cast, target, seen)
    try:
        second = services.prove(straight, declared, effort.service)
    finally:
        straight.close()
    say(f"service: {second.tried:,} tried")
    ended = Target(world, target.rows, ids["SCT"], ids["AZ"], ids["mso"])
    uncovered = Target(world, target.rows, cast.uncovered.location, cast.uncovered.entity, ids["mso"])
    front = door.Door(world, cast, target, ended, uncovered, seen)
    first = door.prove(world, front, declared, effort.door)
    say(f"door: {first.tried:,} tried")
    return [second, first]


def _own_lists(
    world: World,
    rest: Tally,
    cast: Cast,
    target: Target,
    seen: dict[str, Markers],
    declared: list[operations.Operation],
) -> int:
    """Lists of a site and of another entity, by who may read them. Returns how many were answered with 200."""
    ids, answered = world.stage.ids, 0
    for callers, key, site, entity in ((cast.at_site, "site", "SJC", None), (cast.at_entity, "entity", "BKN", "NY")):
        places = {"network": Place("network"), "location": Place("location", ids[site])}
        if entity:
            places["entity"] = Place("entity", ids[entity])
        asked = echoes.questions(declared, places, target)
        for caller in callers:
            answered += echoes.lists(rest, echoes.answers(world, asked, caller), seen[key])
    return answered


def _elsewhere(
    world: World,
    rest: Tally,
    cast: Cast,
    company: Company,
    practice: Practice,
    target: Target,
    declared: list[operations.Operation],
) -> None:
    secret = echoes.patients(world, declared, cast.clinic, target)
    assert secret, "the clinic reads no patient: there is nothing to look for"
    places = {one: str(world.organization) for key, one in world.stage.ids.items() if key.isupper() or key == "mso"}
    places |= {practice.location: str(company.organization), practice.entity: str(company.organization)}
    echoes.events(world, rest, places, secret)
    echoes.feeds(world, rest)
    echoes.metrics(world, rest, secret, {*places, *places.values(), *_practices(world, company)})
    echoes.logs(world, rest, secret)


def _practices(world: World, company: Company) -> set[str]:
    """Ids of every place there is, those of practices that joined meanwhile included."""
    rows = [Rows(world, world.organization), Rows(world, company.organization)]
    return {row.key for one in rows for table in ("location", "legal_entity") for row in one.of("gateway", table)}


def fresh_seed() -> int:
    return random.SystemRandom().randrange(10**6)
