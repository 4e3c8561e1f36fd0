"""PostgreSQL's own programs, of a release that fits the server: the embedded one's, or those of the machine."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from deploy.backup.contents import Refused
from deploy.local import postgres

_PACKAGED = Path("/usr/lib/postgresql")


def url_of(admin_url: str, dbname: str) -> str:
    """The superuser's connection string for another database of the same server."""
    return psycopg.conninfo.make_conninfo(admin_url, dbname=dbname)


def major(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """The server's major version."""
    return connection.info.server_version // 10000


def run(program: str, version: int, url: str, *arguments: str) -> None:
    """Run `program` on the database of `url`, a server of that major version. Raises Refused with its last words."""
    parts: dict[str, Any] = dict(psycopg.conninfo.conninfo_to_dict(url))
    # Not among the arguments, where everybody on the machine could read it.
    environment = {**os.environ, "PGPASSWORD": str(parts.pop("password", None) or os.environ.get("PGPASSWORD", ""))}
    where = psycopg.conninfo.make_conninfo(**parts)
    command = [str(_fitting(program, version)), "--no-password", f"--dbname={where}", *arguments]
    ran = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        raise Refused(f"{program} ended with {ran.returncode}: {ran.stderr.strip()[-2000:]}")


def _fitting(name: str, version: int) -> Path:
    """The server's own release of a program, or else the next newer one: an older one refuses the server."""
    folders = [*_PACKAGED.glob("*/bin")]
    with contextlib.suppress(postgres.PostgresFailed):
        folders.append(postgres.binaries())
    found = [folder / name for folder in folders if (folder / name).exists()]
    found += [Path(path) for path in [shutil.which(name)] if path]
    fit = sorted((release, path) for path in found if (release := _release(path)) >= version)
    if not fit:
        raise Refused(f"There is no {name} for PostgreSQL {version} here (Debian: postgresql-client-{version}).")
    return fit[0][1]


def _release(program: Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+", said)
    return int(number[0]) if number else 0
