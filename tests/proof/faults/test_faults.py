"""A short run of each half, `make run` alone and everything over RabbitMQ; each check finds the fault made for it."""

import os
import sys
from pathlib import Path

import pytest

from tests.proof.faults import checks, faults, own_broker
from tests.proof.faults.plan import Plan
from tests.proof.faults.run import run
from tests.proof.faults.world import World

SEED = 7
# What somebody with all rights does to the settled platform, and what the checks must say then.
SPOILED = (
    (
        "an answered request has no row",
        "procurement",
        "delete from vendor_bill_line where bill_id = (select min(id::text)::uuid from vendor_bill where number like"
        " '%BUYING%')",
        "a bill without its lines",
    ),
    (
        "an answered request is forgotten",
        "hr",
        "delete from idempotency_key where key = (select min(key) from idempotency_key where key like '%hiring%'"
        " and status = 201)",
        "it was answered, and no answer is stored",
    ),
    (
        "an effect is there twice",
        "procurement",
        "insert into stock_move (id, organization_id, location_id, legal_entity_id, item_id, item_class, lot,"
        " quantity, value, reason, note, moved_by, moved_at) select gen_random_uuid(), organization_id, location_id,"
        " legal_entity_id, item_id, item_class, lot, quantity, value, reason, note, moved_by, moved_at"
        " from stock_move where reason = 'usage' limit 1",
        "doubled: ",
    ),
    (
        "half of an effect",
        "billing",
        "update invoice set open = open + 100 where id = (select min(id::text)::uuid from invoice)",
        "open by another amount",
    ),
    (
        "a subscriber missed an event",
        "billing",
        "delete from inbox where event_id = (select min(event_id::text)::uuid from inbox where publisher ="
        " 'procurement')",
        "procurement -> billing: 1 events lost",
    ),
    (
        "an event is missing from the trail",
        "gateway",
        "delete from audit_entry where position = 7",
        "is not sound at 7",
    ),
    ("an event is missing from a log", "hr", "delete from event_log where sequence = 3", "the chain of hr is broken"),
    (
        "the books say something else than the stock",
        "procurement",
        "update stock_move set value = value + 1 where id = (select min(id::text)::uuid from stock_move where"
        " item_class <> 'business')",
        "account 1300",
    ),
    (
        "an old name of a site stayed",
        "hr",
        "update known_location set name = 'an older name' where code = 'OAK'",
        "hr knows other sites",
    ),
)


def spoil(world: World) -> None:
    """Make one fault after the other, and look for the words that tell of it."""
    for _, service, statement, _ in SPOILED:
        with world.connect(service) as connection:
            connection.execute("set session_replication_role = replica")  # past the tables' own guards
            assert connection.execute(statement.encode()).rowcount > 0, statement
    found = "\n".join(checks.check(world).findings)
    for what, _, _, words in SPOILED:
        assert words in found, f"{what}: not found in\n{found}"


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


@pytest.mark.whole_system
@needs_proc
def test_nothing_is_lost_or_doubled_by_eight_kills_and_planted_faults_are_found(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan("make run", broker=False, kills=8, others=0)
    figures = run(plan, SEED, tmp_path / "home", said.append, then=spoil)
    assert not figures.findings, [f"seed {SEED}", *said, *figures.findings]
    assert figures.kills == 8
    assert figures.counts["answered 2xx"] > 20
    assert figures.counts["events published"] > 0


@pytest.mark.whole_system
@pytest.mark.rabbitmq
@needs_proc
def test_nothing_is_lost_or_doubled_over_rabbitmq_by_six_kills_and_one_of_every_other_fault(tmp_path: Path) -> None:
    if own_broker.installed() is None:
        assert not os.environ.get("REQUIRE_RABBITMQ"), "no RabbitMQ is installed"
        pytest.skip("no RabbitMQ is installed")
    said: list[str] = []
    figures = run(Plan("RabbitMQ", broker=True, kills=6, others=1), SEED, tmp_path / "home", said.append)
    assert not figures.findings, [f"seed {SEED}", *said, *figures.findings]
    assert figures.struck.keys() >= {fault.name for fault in (faults.BROKER, *faults.OF_THE_BROKER, *faults.OTHERS)}
    assert figures.counts["answered 2xx"] > 20
    assert figures.counts["events published"] > 0
