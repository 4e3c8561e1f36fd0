"""`python -m deploy.backup create FOLDER | restore FOLDER`, for a platform that `make run` starts.

It may run meanwhile when it is backed up. Restored is into `.partywall/1`, which must be empty, and with
POSTGRES_ADMIN_URL into the empty databases of that server.
"""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import psycopg

from deploy.backup.contents import Json, Refused, read
from deploy.backup.creation import create
from deploy.backup.restoration import restore
from deploy.databases import login_url
from deploy.local import instance, postgres
from deploy.local.instance import Instance

_USAGE = "usage: python -m deploy.backup create FOLDER | restore FOLDER\n"


def _create(out: Path) -> Json:
    with contextlib.ExitStack() as stack:
        found = instance.running()
        home = Path(found[0]["folder"]) if found else _claimed(stack).folder
        if not (home / "secrets.json").exists():
            raise Refused(f"There is no platform in {home}.")
        manifest = create(home, _server(stack, home, found[0] if found else None), out)
    return {"backup": str(out), "taken_at": manifest["taken_at"], "event_logs": manifest["event_logs"]}


def _server(stack: contextlib.ExitStack, home: Path, running: Json | None) -> str:
    """The superuser's URL of the server: one that is named, the running embedded one, or else one started for now."""
    if url := os.environ.get("POSTGRES_ADMIN_URL"):
        return url
    if running is None:
        return stack.enter_context(postgres.start(home / "postgres")).url()
    password = home / "postgres" / "password"
    if not password.exists():
        raise Refused("The platform runs on a server of its own: name it in POSTGRES_ADMIN_URL.")
    return login_url(running["settings"]["DATABASE_URL"], "postgres", password.read_text(), "postgres")


def _restore(backup: Path) -> Json:
    with contextlib.ExitStack() as stack:
        claimed = _claimed(stack)
        if claimed.number != 1:
            raise Refused("A platform runs from this folder. Stop it, or restore with another PARTYWALL_HOME.")
        home = claimed.folder
        if left := sorted(path.name for path in home.iterdir() if path.name != "lock"):
            raise Refused(f"{home} is not empty: {', '.join(left)}.")
        read(backup)  # before a server is started for nothing
        stack.push(_Halves(home))  # left after the server has stopped
        proved = restore(backup, home, _server(stack, home, None))
    return {"restored": str(home), **proved}


class _Halves:
    """Leaves nothing of a restore that failed: half a platform in the folder would be taken for a whole one."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for left in self._home.iterdir() if kind is not None else ():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != "lock":
                left.unlink()


def _claimed(stack: contextlib.ExitStack) -> Instance:
    claimed = instance.claim()
    stack.callback(claimed.release)
    return claimed


def main(arguments: list[str]) -> int:
    """Run the command the arguments name; prints JSON. 1 where it was refused."""
    os.umask(0o077)
    try:
        match arguments:
            case ["create", folder]:
                done = _create(Path(folder))
            case ["restore", folder]:
                done = _restore(Path(folder))
            case _:
                sys.stderr.write(_USAGE)
                return 2
    except (Refused, postgres.PostgresFailed, psycopg.Error, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps(done, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
