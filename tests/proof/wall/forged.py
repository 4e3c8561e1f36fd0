"""Tokens that must not open anything: unsigned, signed by nobody, for somebody else, too late."""

import base64
import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.identity import Context, issue_context, sign
from shared.ids import new_id
from shared.keys import Keyring


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def signed(keyring: Keyring, token: str, **changes: Any) -> str:
    """`token` with other claims, properly signed with the key of `keyring`."""
    return sign(keyring, {**claims_of(token), "jti": str(new_id()), **changes})


def expired(keyring: Keyring, token: str) -> str:
    past = int(time.time()) - 3600
    return signed(keyring, token, iat=past - 60, exp=past)


def from_the_future(keyring: Keyring, token: str) -> str:
    coming = int(time.time()) + 3600
    return signed(keyring, token, iat=coming, exp=coming + 60)


def by_nobody(keyring: Keyring, token: str) -> str:
    """The same claims under the trusted key's name, signed with another key."""
    key = OKPKey.generate_key("Ed25519")
    return jwt.encode({"alg": "Ed25519", "kid": keyring.private.kid}, claims_of(token), key, algorithms=["Ed25519"])


def unsigned(keyring: Keyring, token: str) -> str:
    """alg: none."""
    header = {"alg": "none", "kid": keyring.private.kid, "typ": "JWT"}
    parts = (json.dumps(header).encode(), json.dumps(claims_of(token)).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def altered(token: str) -> str:
    """Its claims changed after it was signed."""
    head, _, tail = token.split(".")
    claims = {**claims_of(token), "exp": int(time.time()) + 900, "roles": ["franchise_admin"]}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{tail}"


def context(keyring: Keyring, decided: Context, audience: str) -> str:
    """What the gateway would issue for `decided`."""
    return issue_context(keyring, decided, audience)
