"""Access tokens of an external issuer (OpenID Connect): its keys, kept and fetched again, and what a token must say."""

import json
import threading
import time
from typing import Any

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from services.gateway.settings import ExternalIssuer, external_issuer
from shared import logging
from shared.clock import now
from shared.errors import Unavailable
from shared.identity import BadToken

# Asymmetric only: with a shared secret, whoever can check a token could also make one.
ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519"]
KEEP_SECONDS, RETRY_SECONDS = 600.0, 10.0
_CLOCK_SKEW = 30
_LARGEST = 256 * 1024
log = logging.get(__name__)


class IssuerSilent(Unavailable):
    """The identity provider's keys cannot be fetched."""


class Issuer:
    """One external issuer, as this process knows it."""

    def __init__(self, settings: ExternalIssuer) -> None:
        self._settings = settings
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=5), retries=False, maxsize=1)
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._tried = float("-inf")
        self._fetched = float("-inf")

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises BadToken, IssuerSilent."""
        header = header_of(token)
        if header.get("alg") not in ALGORITHMS:
            raise BadToken("The token is signed by a method that is not allowed here.")
        keys = self._keys_for(header.get("kid"))
        try:
            claims = dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise BadToken("The token cannot be read.") from error
        self._check(claims)
        return claims

    def _check(self, claims: dict[str, Any]) -> None:
        instant, audience = now().timestamp(), claims.get("aud")
        if claims.get("iss") != self._settings.issuer:
            raise BadToken("The token is by somebody else.")
        if self._settings.audience not in (audience if isinstance(audience, list) else [audience]):
            raise BadToken("The token is for somebody else.")
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or expires + _CLOCK_SKEW < instant:
            raise BadToken("The token has expired.")
        if not isinstance(begins, int | float) or begins - _CLOCK_SKEW > instant:
            raise BadToken("The token is not valid yet.")

    def _keys_for(self, kid: Any) -> KeySet:
        with self._lock:
            at = time.monotonic()
            known = self._keys is not None and kid in {key.kid for key in self._keys.keys}
            due = at - self._fetched > KEEP_SECONDS or not known
            # A stranger's token with an unknown key id must not make us ask the provider each time.
            if due and at - self._tried > RETRY_SECONDS:
                self._tried = at
                self._fetch()
            if self._keys is None:
                raise IssuerSilent("Sign in with a local account, or try again.")
            return self._keys

    def _fetch(self) -> None:
        try:
            self._keys = KeySet.import_key_set(json.loads(self._read()))
            self._fetched = time.monotonic()
        except (OSError, ValueError, TypeError, KeyError, JoseError, urllib3.exceptions.HTTPError) as error:
            log.warning("issuer keys", error_class=type(error).__qualname__)

    def _read(self) -> bytes:
        if self._settings.jwks_file is not None:
            return self._settings.jwks_file.read_bytes()
        answer = self._http.request("GET", str(self._settings.jwks_url), redirect=False, preload_content=False)
        try:
            body = answer.read(_LARGEST + 1)
        finally:
            answer.release_conn()
        if answer.status != 200 or len(body) > _LARGEST:
            raise ValueError(f"status {answer.status}")
        return bytes(body)


def configured() -> Issuer | None:
    """The issuer that the settings name, or None. Raises BadSettings."""
    settings = external_issuer()
    return Issuer(settings) if settings else None


def header_of(token: str) -> dict[str, Any]:
    """The header of a token that nobody has verified yet. Raises BadToken."""
    try:
        return dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken("The token cannot be read.") from error
