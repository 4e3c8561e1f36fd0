"""Signing keys: who may speak to whom. Ed25519, a private file per signer, one public set that everybody trusts.

A key folder holds `<signer>.jwk` (private, newest first when several are kept) and `trusted.jwks` (public). Rotation:
`python -m shared.keys rotate FOLDER SIGNER` adds a key, keeps the one before valid, and drops older ones. No process is
given the folder with all of them: `share FOLDER OUT` hands each signer what is its own, and must follow a rotation.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, OKPKey

from shared.ids import new_id

SIGNERS = ("gateway", "procurement", "hr", "billing")
SEALS_FIELDS = "billing"
KEPT = 2
_RELOAD_SECONDS = 5.0
_USAGE = "usage: python -m shared.keys create FOLDER | rotate FOLDER SIGNER | share FOLDER OUT\n"


def create(folder: Path, signers: tuple[str, ...] = SIGNERS) -> None:
    """Make a key for each signer that has none. Safe to repeat."""
    folder.mkdir(parents=True, exist_ok=True)
    for signer in signers:
        if not (folder / f"{signer}.jwk").exists():
            rotate(folder, signer)
    if not (folder / "fields.json").exists():
        _write(folder / "fields.json", {"1": os.urandom(32).hex()})


def rotate(folder: Path, signer: str) -> str:
    """Add a key for `signer`, which signs from now on; the one before stays valid. Returns the new key id."""
    path = folder / f"{signer}.jwk"
    kept = json.loads(path.read_text())["keys"] if path.exists() else []
    kid = f"{signer}:{new_id()}"
    fresh = OKPKey.generate_key("Ed25519", parameters={"kid": kid, "use": "sig", "alg": "Ed25519"}, private=True)
    keys = [dict(fresh.as_dict(private=True)), *kept][:KEPT]
    _publish(folder, signer, keys)
    _write(path, {"keys": keys})
    return kid


def _publish(folder: Path, signer: str, keys: list[dict[str, Any]]) -> None:
    # The public half first: nobody may sign with a key that its readers cannot know yet.
    path = folder / "trusted.jwks"
    trusted = json.loads(path.read_text())["keys"] if path.exists() else []
    others = [key for key in trusted if not key["kid"].startswith(f"{signer}:")]
    mine = [{name: value for name, value in key.items() if name != "d"} for key in keys]
    _write(path, {"keys": others + mine}, mode=0o644)


def share(folder: Path, out: Path) -> None:
    """Bring `out/<signer>/` of each signer up to date: its private key and all public ones; the field keys for billing.

    Makes missing keys first, so it is all that a start needs. Safe to repeat; what is the same is not written.
    """
    create(folder)
    homes = {signer: out / signer for signer in SIGNERS}
    for home in homes.values():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(folder / "trusted.jwks", home, mode=0o644)  # to everybody, before anybody signs with a new key
    for signer, home in homes.items():
        _copy(folder / f"{signer}.jwk", home)
    sealing = homes[SEALS_FIELDS]
    # Billing adds and drops field keys in its own folder: what is there is newer, and ours is the copy for backups.
    if (sealing / "fields.json").exists():
        _copy(sealing / "fields.json", folder)
    else:
        _copy(folder / "fields.json", sealing)


def _copy(source: Path, folder: Path, mode: int = 0o600) -> None:
    content, target = json.loads(source.read_text()), folder / source.name
    if not target.exists() or json.loads(target.read_text()) != content:
        _write(target, content, mode)


def _write(path: Path, content: dict[str, Any], mode: int = 0o600) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    fresh.replace(path)


class Keyring:
    """The keys of one process: its own private key and everybody's public ones, read again when the files change."""

    def __init__(self, folder: Path, signer: str) -> None:
        self._folder, self._signer = folder, signer
        self._lock = threading.Lock()
        self._stamp: tuple[float, ...] = ()
        self._checked = 0.0
        self._load()

    def _load(self) -> None:
        private, public = self._folder / f"{self._signer}.jwk", self._folder / "trusted.jwks"
        self._stamp = (private.stat().st_mtime, public.stat().st_mtime)
        self._private = OKPKey.import_key(json.loads(private.read_text())["keys"][0])
        self._public = {key["kid"]: OKPKey.import_key(key) for key in json.loads(public.read_text())["keys"]}

    def _refresh(self) -> None:
        if time.monotonic() - self._checked < _RELOAD_SECONDS:
            return
        with self._lock:
            self._checked = time.monotonic()
            private, public = self._folder / f"{self._signer}.jwk", self._folder / "trusted.jwks"
            if (private.stat().st_mtime, public.stat().st_mtime) != self._stamp:
                self._load()

    @property
    def private(self) -> OKPKey:
        """The key this process signs with."""
        self._refresh()
        return self._private

    def public(self, kid: str) -> OKPKey | None:
        """A trusted public key; its id says whose it is (`signer:...`)."""
        self._refresh()
        key = self._public.get(kid)
        if key is None:
            with self._lock:
                self._load()
            key = self._public.get(kid)
        return key

    def jwks(self) -> dict[str, Any]:
        """The public keys of this signer, as a JWK set."""
        mine: list[Any] = [key for kid, key in self._public.items() if kid.startswith(f"{self._signer}:")]
        return dict(KeySet(mine).as_dict(private=False))


def _main(arguments: list[str]) -> int:
    match arguments:
        case ["create", folder]:
            create(Path(folder))
        case ["rotate", folder, signer]:
            sys.stdout.write(rotate(Path(folder), signer) + "\n")
        case ["share", folder, out]:
            share(Path(folder), Path(out))
        case _:
            sys.stderr.write(_USAGE)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
