"""A folder for each platform that runs from this checkout at the same time: .partywall/1, .partywall/2 ...

PARTYWALL_HOME names another place than .partywall.
"""

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
_MOST = 9


def home() -> Path:
    """Where the folders are."""
    return Path(os.environ.get("PARTYWALL_HOME") or ROOT / ".partywall").absolute()


class NoRoom(Exception):
    """Too many platforms run from this checkout."""


@dataclass
class Instance:
    """A claimed folder; nobody else gets it until `release()` or the end of this process."""

    number: int
    folder: Path
    lock: IO[str]

    def secrets(self, *names: str) -> dict[str, str]:
        """Passwords, made the first time and kept in a file only we can read."""
        path = self.folder / "secrets.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        missing = {name: secrets.token_urlsafe(24) for name in names if name not in kept}
        if missing:
            self.keep(path.name, kept | missing)
        return {name: (kept | missing)[name] for name in names}

    def tell(self, state: dict[str, Any]) -> None:
        """Leave `state`, our folder and process id for other commands (`make demo`); it may hold passwords."""
        self.keep("state.json", {"pid": os.getpid(), "folder": str(self.folder), **state})

    def keep(self, name: str, content: dict[str, Any]) -> None:
        """Write a file of the folder in one piece, for our eyes only."""
        fresh = self.folder / f"{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=2)
        fresh.replace(self.folder / name)

    def release(self) -> None:
        """Give the folder back; what it told no longer holds."""
        (self.folder / "state.json").unlink(missing_ok=True)
        self.lock.close()


def claim() -> Instance:
    """The first folder that no running platform holds. Raises NoRoom."""
    for number in range(1, _MOST + 1):
        folder = home() / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return Instance(number, folder, lock)
    raise NoRoom(f"{_MOST} platforms run from this folder already")


def running() -> list[dict[str, Any]]:
    """What each running platform of this checkout told, the first claimed first."""
    return [state for folder in sorted(home().glob("[0-9]")) if (state := _state_of(folder)) is not None]


def _state_of(folder: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        os.kill(state["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:  # it runs, as somebody else
        pass
    return state
