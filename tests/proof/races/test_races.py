"""A round of most races on one platform; `make prove-races` plays many of all. And what breaks a round."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo.client import Answer
from tests.proof.races import bills, books, buying, directory, invariants, people, relays, revenue, rounds, upgrades
from tests.proof.races.ground import Ground
from tests.proof.races.race import Broken, Race, Round, Score, race
from tests.support.platform import Platform

# Of each kind of race one; the others ask the same of another table.
SHORT = (
    buying.approvals,
    buying.approval_or_cancellation,
    buying.opposite_orders,
    buying.same_slip,
    buying.six_slips,
    buying.arrival_or_cancellation,
    buying.last_unit,
    buying.formulary_decisions,
    bills.same_bill,
    bills.bill_approvals,
    revenue.same_charges,
    revenue.numbering,
    revenue.same_invoice,
    revenue.same_payment,
    revenue.three_refunds,
    revenue.credit_or_payment,
    books.closing,
    books.fee_approvals,
    books.fees_and_goods,
    people.two_sites,
    people.licence_revoked,
    directory.signatures,
    directory.endings,
    directory.revoked_at_work,
    directory.administrators,
    relays.by_feed,
    upgrades.while_serving,
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A platform with two web processes for each service."""
    with Platform(tmp_path_factory.mktemp("races"), WEB_WORKERS="2") as platform:
        made = Ground(platform)
        yield made
        made.close()


@pytest.mark.whole_system
@pytest.mark.parametrize("one", SHORT, ids=lambda one: one.name)
def test_there_is_one_effect_whoever_comes_at_the_same_moment(ground: Ground, one: Race) -> None:
    rounds.run(ground, one, 1)


@pytest.mark.whole_system
@pytest.mark.rabbitmq
def test_two_relays_and_two_consumers_of_one_queue_tell_everything_once(ground: Ground) -> None:
    if not relays.broker_answers():
        pytest.skip("no RabbitMQ")
    rounds.run(ground, relays.by_queue, 1)


@pytest.mark.whole_system
def test_after_all_races_numbers_sums_and_chains_are_right(ground: Ground) -> None:
    rounds.run(ground, books.reversals, 1)
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
