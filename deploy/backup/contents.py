"""What lies in a backup: `databases/*.dump`, `keys/`, `settings/`, and a manifest that is written last."""

import hashlib
import json
from pathlib import Path
from typing import Any

# What a running platform tells of itself is of no use to the next one.
_PASSING = "state.json"
MANIFEST = "manifest.json"
Json = dict[str, Any]


class Refused(Exception):
    """A backup or a restore that was not begun, or did not come to its end; the message says why."""


def seal(backup: Path, facts: Json) -> Json:
    """Write the manifest: `facts` and the SHA-256 of each file. What has one is complete."""
    manifest = {**facts, "files": _digests(backup)}
    (backup / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def read(backup: Path) -> Json:
    """The manifest of a complete, undamaged backup. Raises Refused."""
    try:
        manifest: Json = json.loads((backup / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise Refused(f"{backup} is no complete backup: {error}") from error
    found = _digests(backup)
    wrong = sorted(name for name, digest in manifest["files"].items() if found.get(name) != digest)
    if wrong:
        raise Refused(f"{backup} is damaged or not whole: {', '.join(wrong)}.")
    return manifest


def dump_of(backup: Path, service: str) -> Path:
    """Where a service's database lies."""
    return backup / "databases" / f"{service}.dump"


def settings_of(home: Path) -> list[Path]:
    """Files beside the keys: passwords of the logins, and what the demo franchise left."""
    return sorted(path for path in home.glob("*.json") if path.name != _PASSING)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {str(path.relative_to(folder)): _digest(path) for path in files}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
