"""A backup of a running platform, restored into an empty place, is the same platform."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from deploy.backup import creation
from deploy.backup.contents import Refused, read
from deploy.backup.programs import url_of
from deploy.backup.restoration import restore
from deploy.databases import login_url, name_of
from deploy.demo.stage import Stage
from deploy.local import postgres
from deploy.local.instance import ROOT
from shared.settings import SERVICES
from tests.support.platform import Platform

pytestmark = pytest.mark.whole_system
INSTANTS = 8
BETWEEN = 0.4  # seconds


def run(platform: Platform, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m deploy.backup ...` with its home elsewhere, in the environment of `platform`'s launcher."""
    environment = {**platform.launcher.environment, "PARTYWALL_HOME": str(home)}
    command = [sys.executable, "-m", "deploy.backup", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def superuser(platform: Platform) -> str:
    """The superuser's URL of the running platform's embedded server."""
    password = (platform.folder / "postgres" / "password").read_text()
    return login_url(platform.database_url("gateway"), "postgres", password, "postgres")


def counts(admin_url: str) -> dict[str, int]:
    """How many rows each table of each service has."""
    found = {}
    for service in SERVICES:
        with psycopg.connect(url_of(admin_url, name_of(service))) as connection:
            names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
            for (name,) in names:
                row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone()
                found[f"{service}.{name}"] = row[0] if row else 0
    return found


@pytest.fixture(scope="module")
def made(played: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A backup of the running platform, and what was counted at that time."""
    for _ in range(20):
        out = tmp_path_factory.mktemp("backups") / "backup"
        before = counts(superuser(played))
        ran = run(played, played.launcher.home, "create", str(out))
        assert ran.returncode == 0, ran.stderr
        if counts(superuser(played)) == before:  # nobody wrote anything meanwhile
            return out, before
    raise AssertionError("the platform never rests")


@pytest.fixture(scope="module")
def restored(
    played: Platform, made: tuple[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """An empty home into which it was restored, and what the command said was proved."""
    home = tmp_path_factory.mktemp("elsewhere")
    ran = run(played, home, "restore", str(made[0]))
    assert ran.returncode == 0, ran.stderr
    return home, json.loads(ran.stdout)


def test_a_backup_is_nobody_elses_to_read(made: tuple[Path, dict[str, int]]) -> None:
    folder = made[0]
    assert (folder / "databases").stat().st_mode & 0o77 == 0
    secret = [*(folder / "databases").iterdir(), *(folder / "settings").iterdir(), *folder.rglob("*.jwk")]
    assert len(secret) >= 12
    assert [path.name for path in secret if path.stat().st_mode & 0o77] == []


def test_every_row_is_there_again_and_every_chain_was_proved(
    made: tuple[Path, dict[str, int]], restored: tuple[Path, dict[str, Any]]
) -> None:
    home, said = restored
    before = made[1]
    with postgres.start(home / "1" / "postgres") as server:
        assert counts(server.url()) == before
    assert said["event_logs"] == {service: before[f"{service}.event_log"] for service in SERVICES}
    assert sum(said["audit_chains"].values()) == before["gateway.audit_entry"]
    assert min(said["event_logs"].values()) > 0 and len(said["audit_chains"]) == 2


def test_the_restored_platform_knows_its_people_and_opens_its_sealed_fields(
    restored: tuple[Path, dict[str, Any]], played: Platform
) -> None:
    with Platform(restored[0]) as again:
        assert "Creating the demo franchise" not in again.launcher.said
        stage = Stage(again.folder, lambda _: None).at(again.url)
        assert stage.person("ruth.adler").get("/v1/network/gateway/audit/verification").body["sound"]
        accounts = f"{stage.site('OAK', 'billing')}/accounts"
        [account] = stage.person("tess.ortiz").get(accounts, purpose="payment").body["items"]
        assert account["name"].startswith("Q")  # "Quinn ...", unsealed, then masked
        for service in SERVICES:
            settled = again.launcher.run("command", "reconcile", service)
            assert settled.returncode == 0, settled.stdout


def test_a_backup_that_was_damaged_or_never_finished_is_refused(
    played: Platform, made: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    subprocess.run(["cp", "-a", str(made[0]), str(copied)], check=True)
    dump = copied / "databases" / "hr.dump"
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    ran = run(played, tmp_path / "home", "restore", str(copied))
    assert (ran.returncode, "databases/hr.dump" in ran.stderr) == (1, True)
    (copied / "manifest.json").unlink()
    with pytest.raises(Refused, match="no complete backup"):
        read(copied)
    assert sorted(path.name for path in (tmp_path / "home" / "1").iterdir()) == ["lock"]


def test_nothing_is_restored_over_something(
    played: Platform, made: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    beside = run(played, played.launcher.home, "restore", str(made[0]))
    assert (beside.returncode, "A platform runs" in beside.stderr) == (1, True)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "keys").mkdir()
    ran = run(played, tmp_path, "restore", str(made[0]))
    assert (ran.returncode, "is not empty: keys" in ran.stderr) == (1, True)
    with pytest.raises(Refused, match="is not empty"):
        restore(made[0], tmp_path, superuser(played))
    assert run(played, tmp_path, "create", str(made[0])).returncode == 1


def test_a_chain_that_does_not_end_where_it_did_is_refused(
    played: Platform, made: tuple[Path, dict[str, int]], tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    subprocess.run(["cp", "-a", str(made[0]), str(copied)], check=True)
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["event_logs"]["hr"]["sequence"] += 1
    (copied / "manifest.json").write_text(json.dumps(manifest))
    ran = run(played, tmp_path / "home", "restore", str(copied))
    assert (ran.returncode, "hr's event log is not what it was" in ran.stderr) == (1, True)
    assert sorted(path.name for path in (tmp_path / "home" / "1").iterdir()) == ["lock"]


@pytest.fixture
def busy(played: Platform) -> Iterator[None]:
    """People who change things all the time: vendors come into being, and the gateway hears of them."""
    stage = Stage(played.folder, lambda _: None).at(played.url)
    done, failed = threading.Event(), list[str]()

    def work() -> None:
        buyer = stage.person("priya.shah")
        while not done.is_set():
            vendor = {"code": uuid4().hex[:12].upper(), "name": "Vendor of a moment"}
            answer = buyer.call("POST", "/v1/network/procurement/vendors", vendor)
            if not answer.ok:
                failed.append(str(answer.body))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []


class OneAfterTheOther(dict[str, Any]):
    """Readers whose snapshots are taken with time between them, in which events would travel if they could."""

    def items(self) -> Any:
        for item in super().items():
            yield item
            time.sleep(BETWEEN)


def ahead(readers: dict[str, Any]) -> list[str]:
    """Where a consumer's snapshot knows events that its publisher's does not."""
    ends = {s: r.execute("select sequenced from relay_cursor").fetchone()[0] for s, r in readers.items()}
    known = "select publisher, max(sequence) from (select publisher, sequence from inbox"
    known += " union all select publisher, sequence from feed_cursor) heard group by publisher"
    return [
        f"{service} knows {sequence} of {publisher}, which ends at {ends[publisher]}"
        for service, reader in readers.items()
        for publisher, sequence in reader.execute(known).fetchall()
        if sequence > ends[publisher]
    ]


def test_all_databases_are_taken_at_one_instant_while_people_work(played: Platform, busy: None) -> None:
    admin_url, ends = superuser(played), set()
    for _ in range(INSTANTS):
        with ExitStack() as stack:
            readers = {
                service: stack.enter_context(
                    closing(psycopg.connect(url_of(admin_url, name_of(service)), autocommit=True))
                )
                for service in (*(each for each in SERVICES if each != "gateway"), "gateway")
            }
            creation.one_instant(admin_url, OneAfterTheOther(readers))
            assert ahead(readers) == []
            ends.add(readers["procurement"].execute("select sequenced from relay_cursor").fetchone())
    assert len(ends) > INSTANTS / 2  # people did work meanwhile
