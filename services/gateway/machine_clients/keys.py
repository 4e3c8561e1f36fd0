"""The text of an API key: `pwk_<prefix>_<secret>`. The prefix finds it, the hash of the secret proves it."""

import hashlib
import hmac
import secrets

MARK = "pwk"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def fresh_key() -> tuple[str, str, bytes]:
    """A new prefix, the whole text, and the hash to keep."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    return prefix, f"{MARK}_{prefix}_{secret}", _hash(secret)


def is_key(text: str) -> bool:
    """Whether a bearer token is meant to be an API key."""
    return text.startswith(f"{MARK}_")


def parts(text: str) -> tuple[str, str]:
    """Prefix and secret; both empty where the text is no key."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    return (prefix, secret) if mark == MARK and len(prefix) == 12 else ("", "")


def fits(secret: str, kept: bytes) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(_hash(secret), kept)


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).digest()
