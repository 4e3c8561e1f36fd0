"""The daily walk along every audit chain, and what Prometheus is told of it."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY

from services.gateway.audit import proof
from services.gateway.worker import CHORES
from shared.db import Database
from shared.settings import Settings
from tests.gateway.door.test_audit_trail import keep, make_proposal, verify
from tests.support.databases import Cluster

ORGANIZATION = UUID("01a20000-0000-7000-8000-0000000000aa")


@pytest.fixture
def database(settings: Settings, cluster: Cluster) -> Iterator[Database]:
    """A gateway's database with an organization and seven entries in its chain."""
    name = settings.database_url.rsplit("/", 1)[1]
    with psycopg.connect(cluster.admin_url, dbname=name, autocommit=True) as connection:
        connection.execute(
            "insert into organization"
            " (organization_id, slug, name, currency, directory_version, registered_at, version)"
            " values (%s, 'proof', 'Proof', 'USD', 0, now(), 1)",
            [ORGANIZATION],
        )
    opened = Database(settings.database_url)
    for _ in range(7):
        keep(opened, make_proposal(), ORGANIZATION)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PAGE", 3)


def told(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"partywall_audit_chain_{name}", {"organization": str(ORGANIZATION)})


def do(database: Database) -> int:
    """All steps of the chore; returns how many there were."""
    steps = 0
    for step in proof.steps(database):
        step()
        steps += 1
    return steps


def test_the_gateways_worker_does_it() -> None:
    assert proof.CHORE in CHORES


def test_a_chain_that_is_whole_is_told_as_sound_page_by_page(database: Database) -> None:
    assert do(database) == 4  # one for the platform's own chain, three for seven entries
    assert (told("sound"), told("checked_entries")) == (1, 7)
    assert (told("verified_timestamp_seconds") or 0) > 1.7e9


@pytest.mark.parametrize(
    ("tampering", "sound_entries"),
    [
        ("update audit_entry set envelope = set_byte(envelope, 40, 65) where position = 5", 4),
        ("delete from audit_entry where position = 7", 6),
        ("delete from audit_entry where position > 3", 3),
        ("delete from audit_head", 7),
    ],
)
def test_a_chain_that_was_tampered_with_is_told_as_broken_where_it_is(
    database: Database, settings: Settings, cluster: Cluster, tampering: str, sound_entries: int
) -> None:
    with psycopg.connect(cluster.admin_url, dbname=settings.database_url.rsplit("/", 1)[1]) as behind:
        behind.execute(tampering.encode())
    do(database)
    assert (told("sound"), told("checked_entries")) == (0, sound_entries)
    assert not verify(database, ORGANIZATION).sound


def test_a_step_that_fails_ends_the_walk_and_tells_nothing(database: Database) -> None:
    do(database)
    before = told("verified_timestamp_seconds")
    for _ in proof.steps(database):
        pass  # a step that was not done is like one that failed
    assert told("verified_timestamp_seconds") == before
