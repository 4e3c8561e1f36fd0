"""The wall at a small size: every operation and every table is attacked, a sample of cases each; nothing leaks."""

from collections.abc import Iterator

import pytest

from tests.proof.wall import operations, tables
from tests.proof.wall.markers import Markers
from tests.proof.wall.proof import Effort, Proof, prove
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import World
from tests.support.platform import Platform

pytestmark = pytest.mark.whole_system
SEED = 20261122


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """One platform, attacked twice an operation at the door and past it, and on every table."""
    with Platform(tmp_path_factory.mktemp("wall")) as running:
        world = World(running, SEED)
        try:
            yield prove(world, Effort(door=2, service=1), lambda _: None)
        finally:
            world.close()


def test_nothing_leaks(proof: Proof) -> None:
    assert proof.leaks == []


def test_no_operation_is_left_out(proof: Proof) -> None:
    names = {operation.name for operation in operations.declared()}
    assert proof.of("door").subjects == proof.of("service").subjects == names


def test_every_operation_is_called_without_a_token_past_the_door(proof: Proof) -> None:
    tokenless = {subject for subject, case in proof.of("service").cells if case == "no token"}
    assert tokenless == {operation.name for operation in operations.declared()}


def test_every_reserved_decision_is_asked_for_with_a_token_that_was_spent(proof: Proof) -> None:
    replayed = {subject for subject, case in proof.of("service").cells if case == "replayed"}
    assert replayed == {operation.name for operation in operations.declared() if operation.reserved} != set()


def test_no_table_is_left_out(proof: Proof) -> None:
    tally = proof.of("database")
    assert tally.subjects == tables.declared()
    cases = {"no scope", "no role", "other organization"}
    cases |= {f"{verb}, other organization" for verb in ("insert", "update", "delete")}
    for name in tables.owned_tables():
        assert cases <= {case for subject, case in tally.cells if subject == name}, name


def test_the_callers_whose_lists_are_searched_can_read_them(proof: Proof) -> None:
    """Else nothing would leak because nothing was answered."""
    assert proof.answered > 100


def test_a_marker_is_found_unless_its_reader_sent_it() -> None:
    one = "01a2016a-766a-77ca-8cc5-bf6eb952a397"
    seen = Markers(frozenset({one}), ("Bianca Rossi",))
    assert seen.found(f'{{"id":"{one}"}}') == one
    assert seen.found(f'{{"id":"{one}"}}', [one]) is None
    assert seen.found("for Bianca Rossi") == "Bianca Rossi"
    assert seen.found("nobody") is None


def test_a_leak_is_counted_and_told() -> None:
    tally = Tally("door")
    tally.note("a.b.read", "no token", None)
    tally.note("a.b.read", "no token", "shows it")
    assert tally.summary() == [("door", "no token", "1", "2", "1", "1")]
    assert tally.leaks == ["door | a.b.read | no token | shows it"]
    assert "2 !1" in tally.table()
