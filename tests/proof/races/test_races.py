"""Every race once or twice on one platform; `make prove-races` plays many rounds. And what breaks a round."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo.client import Answer
from tests.proof.races import books, invariants, relays, rounds
from tests.proof.races.ground import Ground
from tests.proof.races.race import Broken, Race, Round, Score, race
from tests.support.platform import Platform

# In the bus's own race more processes are started than the rest of these tests needs.
BY_DOOR = [each for each in rounds.RACES if each is not relays.by_queue]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A platform with two web processes for each service."""
    with Platform(tmp_path_factory.mktemp("races"), WEB_WORKERS="2") as platform:
        made = Ground(platform)
        yield made
        made.close()


@pytest.mark.whole_system
@pytest.mark.parametrize("one", BY_DOOR, ids=lambda one: one.name)
def test_there_is_one_effect_whoever_comes_at_the_same_moment(ground: Ground, one: Race) -> None:
    rounds.run(ground, one, 1)


@pytest.mark.whole_system
@pytest.mark.rabbitmq
def test_two_relays_and_two_consumers_of_one_queue_tell_everything_once(ground: Ground) -> None:
    if not relays.broker_answers():
        pytest.skip("no RabbitMQ")
    rounds.run(ground, relays.by_queue, 2)


@pytest.mark.whole_system
def test_after_all_races_numbers_sums_and_chains_are_right(ground: Ground) -> None:
    rounds.run(ground, books.closing, 1)
    assert invariants.check(ground) > 10
    assert relays.check(ground) > 100


@race("nobody plays it", "known-refusal", "not-enough-stock")
def nobody(_: Any) -> Round:
    raise AssertionError


def refusal(status: int, slug: str) -> Answer:
    return Answer(status, {"type": f"/docs/problems#{slug}"}, {})


@pytest.mark.parametrize(
    "answer",
    [
        refusal(409, "bill-known"),  # documented, but not this race's
        refusal(409, "known-refusal"),  # this race's, but not documented
        refusal(503, "not-enough-stock"),
        refusal(500, "internal-server-error"),
        Answer(409, b"", {}),
    ],
)
def test_a_refusal_that_is_no_documented_problem_of_the_race_breaks_its_round(answer: Answer) -> None:
    with pytest.raises(Broken):
        Score(nobody).add(Round([Answer(201, {}, {}), answer], effects=1))


@pytest.mark.parametrize("effects", [0, 2])
def test_no_effect_and_two_effects_break_a_round(effects: int) -> None:
    with pytest.raises(Broken):
        Score(nobody).add(Round([Answer(201, {}, {}), refusal(409, "not-enough-stock")], effects))


def test_a_round_is_counted() -> None:
    score = Score(nobody)
    score.add(Round([Answer(201, {}, {}), refusal(409, "not-enough-stock"), refusal(409, "busy")], effects=1))
    assert rounds.cells(score)[1:] == ("1", "3", "1", "1", "1 not-enough-stock, 1 busy", "0")
