"""Back up a platform, running or not: all databases as they were at one instant, the keys, the settings."""

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from deploy.backup.contents import Json, Refused, dump_of, seal, settings_of
from deploy.backup.programs import major, run, url_of
from deploy.databases import name_of
from shared.clock import now
from shared.settings import SERVICES

# Whoever writes these carries facts from one database to another: while they stand still, nothing is under way.
_CARRIERS = "inbox, feed_cursor, pending"
_TRIES = 20
# The gateway last: it writes a decision down before a service acts on it.
_ORDER = (*(service for service in SERVICES if service != "gateway"), "gateway")
Reader = psycopg.Connection[tuple[Any, ...]]


def create(home: Path, admin_url: str, out: Path) -> Json:
    """Back up the platform kept in `home`, on the server of `admin_url`, into the new folder `out`.

    Returns the manifest. Raises Refused, psycopg.Error.
    """
    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} is not empty.")
    (out / "databases").mkdir(mode=0o700, parents=True)
    with contextlib.ExitStack() as stack:
        readers = {service: stack.enter_context(_reader(admin_url, service)) for service in _ORDER}
        snapshots = one_instant(admin_url, readers)
        # At once: a field key that was made or dropped while the dumps run must not be missing for what is in them.
        _copy(home, out)
        facts = {
            "taken_at": now().isoformat(),
            "postgresql": major(readers["gateway"]),
            "event_logs": {service: _end(reader) for service, reader in readers.items()},
        }
        for service, snapshot in snapshots.items():
            run(
                "pg_dump", major(readers[service]), url_of(admin_url, name_of(service)),
                "--format=custom", f"--snapshot={snapshot}", f"--file={dump_of(out, service)}",
            )  # fmt: skip
    return seal(out, facts)


@contextlib.contextmanager
def _reader(admin_url: str, service: str) -> Iterator[Reader]:
    """A connection whose snapshot lasts until it is closed, however long the dump takes."""
    with psycopg.connect(url_of(admin_url, name_of(service)), autocommit=True) as connection:
        connection.execute("set idle_in_transaction_session_timeout = 0")
        yield connection


def one_instant(admin_url: str, readers: Mapping[str, Reader]) -> dict[str, str]:
    """A snapshot of each database, by service, between which no event was under way."""
    with contextlib.ExitStack() as held:
        _hold_still(held, admin_url)
        found = {}
        for service, reader in readers.items():
            reader.execute("begin isolation level repeatable read read only")
            row = reader.execute("select pg_export_snapshot()").fetchone()
            assert row is not None
            found[service] = str(row[0])
    return found


def _hold_still(held: contextlib.ExitStack, admin_url: str) -> None:
    """Let nobody write what carries events, in any database, until `held` is left. Raises Refused."""
    for _ in range(_TRIES):
        with (
            contextlib.ExitStack() as tried,
            contextlib.suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected),
        ):
            for service in SERVICES:
                _lock(tried.enter_context(psycopg.connect(url_of(admin_url, name_of(service)))))
            held.push(tried.pop_all())
            return
        time.sleep(0.2)
    raise Refused("The databases are too busy to be held still for a moment.")


def _lock(locker: Reader) -> None:
    # Where we wait for somebody who waits for us, we give way.
    locker.execute("set local deadlock_timeout = '50ms'")
    locker.execute("set local lock_timeout = '2s'")
    locker.execute(f"lock table {_CARRIERS} in share mode".encode())


def _end(reader: Reader) -> Json:
    """Where the event log ends in the reader's snapshot."""
    row = reader.execute("select sequenced, encode(hash, 'hex') from relay_cursor where id = 1").fetchone()
    return {"sequence": row[0], "head": row[1]} if row else {"sequence": 0, "head": ""}


def _copy(home: Path, out: Path) -> None:
    if (home / "keys").exists():
        shutil.copytree(home / "keys", out / "keys")
    (out / "settings").mkdir(mode=0o700)
    for file in settings_of(home):
        shutil.copy2(file, out / "settings" / file.name)
