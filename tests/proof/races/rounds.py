"""Every race, and how its rounds are counted."""

from collections.abc import Sequence

from tests.proof.races import bills, books, buying, directory, people, relays, revenue, upgrades
from tests.proof.races.ground import Ground
from tests.proof.races.race import Broken, Race, Score

RACES: tuple[Race, ...] = (
    *buying.RACES,
    *bills.RACES,
    *revenue.RACES,
    *books.RACES,
    *people.RACES,
    *directory.RACES,
    relays.by_feed,
    relays.by_queue,
    upgrades.while_serving,
)
HEADS = ("race", "rounds", "at once", "effects", "accepted", "refused, with", "deadlocks")


def run(ground: Ground, race: Race, rounds: int) -> Score:
    """Play `rounds` of a race, fewer of a long one. Raises Broken where one ends as it must not, and for a deadlock."""
    score, before = Score(race), ground.deadlocks()
    for _ in range(max(1, rounds // race.every)):
        score.add(race.play(ground))
    score.deadlocks = ground.deadlocks() - before
    if score.deadlocks:
        raise Broken(f"{race.name}: {score.deadlocks} deadlocks")
    return score


def cells(score: Score) -> Sequence[str]:
    """A row of the table."""
    refused = ", ".join(f"{count} {slug}" for slug, count in score.refused.most_common()) or "-"
    figures = (score.rounds, score.callers, score.effects, score.accepted)
    return (score.race.name, *(f"{figure:,}" for figure in figures), refused, str(score.deadlocks))
