"""Sealed fields: patient data is AES-GCM ciphertext at rest, under a key per organization.

Master keys stand in `fields.json` of the keys folder ({version: hex}); the highest version seals, every version opens.
An organization's keys are derived from a master by HKDF (RFC 5869), one for sealing and another for the blind index.
The associated data names the organization, the table, the column and the row, so that a ciphertext cannot be moved.
"""

import hashlib
import hmac
import json
import os
import struct
import threading
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HEADER = struct.Struct(">H")
_NONCE = 12


class CannotUnseal(Exception):
    """A sealed field was moved, changed, or its key version is gone. A fault of ours: callers see a bare 500."""


class FieldKeys:
    """The field keys of one process, read again when the file changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "fields.json"
        self._lock = threading.Lock()
        self._derive = lru_cache(maxsize=4096)(self._derive_key)
        self._load()

    def __repr__(self) -> str:
        return f"FieldKeys(newest={self.newest})"

    def _load(self) -> None:
        self._stamp = self._path.stat().st_mtime_ns
        masters = {int(version): bytes.fromhex(key) for version, key in json.loads(self._path.read_text()).items()}
        if not masters or any(len(key) != 32 for key in masters.values()):
            raise ValueError("fields.json holds no usable keys: each is 32 bytes in hex")
        self._masters = masters
        self._derive.cache_clear()

    def refresh(self) -> None:
        """Take up a changed file. Called once at the start of each use that seals or searches."""
        if self._path.stat().st_mtime_ns != self._stamp:
            with self._lock:
                self._load()

    @property
    def newest(self) -> int:
        """The version that seals."""
        return max(self._masters)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions that open, newest first."""
        return tuple(sorted(self._masters, reverse=True))

    def _derive_key(self, version: int, organization_id: UUID, use: str) -> bytes:
        info = f"partywall {use}".encode() + organization_id.bytes
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._masters[version])

    def seal(self, organization_id: UUID, place: str, row_id: UUID, plain: str, version: int | None = None) -> bytes:
        """Ciphertext of `plain` for `place` (`table.column`) of a row: key version, nonce, AES-256-GCM output."""
        version, nonce = version or self.newest, os.urandom(_NONCE)
        cipher = AESGCM(self._derive(version, organization_id, "seal"))
        sealed = cipher.encrypt(nonce, plain.encode(), _bound(organization_id, place, row_id))
        return _HEADER.pack(version) + nonce + sealed

    def unseal(self, organization_id: UUID, place: str, row_id: UUID, sealed: bytes) -> str:
        """The plaintext. Raises CannotUnseal, which never quotes it."""
        (version,) = _HEADER.unpack_from(sealed)
        if version not in self._masters:
            self.refresh()
        if version not in self._masters:
            raise CannotUnseal(f"key version {version} is not in the keyring")
        nonce, ciphertext = sealed[_HEADER.size : _HEADER.size + _NONCE], sealed[_HEADER.size + _NONCE :]
        cipher = AESGCM(self._derive(version, organization_id, "seal"))
        try:
            return cipher.decrypt(nonce, ciphertext, _bound(organization_id, place, row_id)).decode()
        except InvalidTag:
            raise CannotUnseal(f"{place} does not belong to this row") from None

    def index(self, organization_id: UUID, place: str, plain: str, version: int | None = None) -> bytes:
        """The blind index of `plain`: equal texts of one organization and place have equal indexes (HMAC-SHA-256)."""
        key = self._derive(version or self.newest, organization_id, "index")
        return hmac.new(key, f"{place}\0{plain}".encode(), hashlib.sha256).digest()

    def indexes(self, organization_id: UUID, place: str, plain: str) -> list[bytes]:
        """The blind index under every version, so that a look-up finds rows that are not sealed anew yet."""
        return [self.index(organization_id, place, plain, version) for version in self.versions]


def _bound(organization_id: UUID, place: str, row_id: UUID) -> bytes:
    return f"{place}/".encode() + organization_id.bytes + row_id.bytes


def add_version(folder: Path) -> int:
    """Add a master key, which seals from now on; the older ones still open. Returns the new version."""
    path = folder / "fields.json"
    masters = json.loads(path.read_text())
    version = max(map(int, masters)) + 1
    _write(path, {**masters, str(version): os.urandom(32).hex()})
    return version


def drop_versions(folder: Path, versions: list[int]) -> None:
    """Take master keys out of the keyring for good: what they sealed cannot be read any more."""
    path = folder / "fields.json"
    masters = json.loads(path.read_text())
    _write(path, {version: key for version, key in masters.items() if int(version) not in versions})


def _write(path: Path, masters: dict[str, str]) -> None:
    fresh = path.with_suffix(".json.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(masters, file)
    fresh.replace(path)
