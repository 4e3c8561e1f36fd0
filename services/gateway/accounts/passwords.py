"""Passwords: Argon2id with OWASP's parameters, few at a time, and what a password must be (NIST SP 800-63B)."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Invalid

SHORTEST, LONGEST = 12, 200
# 19 MiB each: more than two at once would cost a small machine its memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_turns = threading.BoundedSemaphore(2)


class WeakPassword(Invalid):
    """This password is not allowed."""


def check(password: str, email: str) -> None:
    """Raises WeakPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"It needs {SHORTEST} to {LONGEST} characters.")
    mailbox = email.split("@")[0]
    if password.casefold().strip() in (email.casefold(), email.casefold()[::-1]) or (
        len(mailbox) > 3 and mailbox.casefold() * 2 in password.casefold()
    ):
        raise WeakPassword("It must not be the e-mail address.")
    if len(set(password)) < 5:
        raise WeakPassword("It repeats too few characters.")


def hashed(password: str) -> str:
    """The Argon2id hash to store."""
    with _turns:
        return _hasher.hash(password)


_nobody = hashed("a password that nobody has")


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` fits `stored`; as slow for an account that does not exist (None)."""
    with _turns:
        try:
            _hasher.verify(stored or _nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
