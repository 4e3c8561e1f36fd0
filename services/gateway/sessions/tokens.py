"""Access tokens of sessions (signed, ten minutes) and refresh tokens (random, only their hash is kept)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from services.gateway.roles import PLANES, Plane
from services.gateway.sessions.models import ACCESS, SignedIn
from shared.identity import BadToken, sign, verify
from shared.ids import new_id
from shared.keys import Keyring

# Tokens for people and tokens for services are signed by the same key: the audience keeps them apart.
AUDIENCE = "partywall"


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says. `expires` is a POSIX time."""

    session_id: UUID
    user_id: UUID
    organization_id: UUID
    plane: Plane
    name: str
    expires: int


def issue(keyring: Keyring, session: SignedIn, name: str, at: datetime) -> tuple[str, int]:
    """An access token and the seconds it lives."""
    ends = min(at + ACCESS, session.expires_at)
    claims: dict[str, Any] = {
        "iss": "gateway",
        "aud": AUDIENCE,
        "iat": int(at.timestamp()),
        "exp": int(ends.timestamp()),
        "jti": str(new_id()),
        "sid": str(session.id),
        "sub": str(session.user_id),
        "org": str(session.organization_id),
        "plane": session.plane,
        "name": name,
    }
    return sign(keyring, claims), max(0, int((ends - at).total_seconds()))


def read(keyring: Keyring, token: str) -> Claims:
    """The claims of a valid access token. Raises BadToken."""
    claims = verify(keyring, token, issuer="gateway", audience=AUDIENCE)
    try:
        if claims["plane"] not in PLANES:
            raise BadToken("The token lacks what it must say.")
        return Claims(
            UUID(claims["sid"]),
            UUID(claims["sub"]),
            UUID(claims["org"]),
            cast(Plane, claims["plane"]),
            str(claims["name"]),
            int(claims["exp"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadToken("The token lacks what it must say.") from error


def fresh_secret() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a random secret; it needs no slow hash, nobody can guess it."""
    return hashlib.sha256(secret.encode()).digest()
