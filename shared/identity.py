"""Who asks, for what, in which scope: the context token from the gateway to a service, and service-to-service tokens.

A context token is a JWT signed by the gateway (Ed25519, RFC 9864). It carries one operation and one scope and lives
for seconds; the service refuses it for any other operation or audience. Claims: iss, aud, iat, exp, jti, sub, org,
kind, plane, roles, op, scope {kind, locations, entities}, limits, name, licence, decision.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from shared.clock import now
from shared.errors import Unauthenticated
from shared.ids import new_id
from shared.keys import Keyring
from shared.tenancy import Scope

Plane = Literal["business", "clinical"]
LIFETIME_SECONDS = 30
_CLOCK_SKEW = 2
_Told = TypeVar("_Told")


class BadToken(Unauthenticated):
    """The token is missing, expired or not for this."""


@dataclass(frozen=True, slots=True)
class Context:
    """A decided request: the gateway allowed `operation` for this principal, on this plane, in this scope.

    `limits` holds money limits as decimals, e.g. {"approval": Decimal("2500.00")}. `decision_id` is the gateway's
    decision-log entry where one was written before the call (patient data, reserved decisions).
    """

    principal_id: UUID
    principal_kind: Literal["person", "machine", "system"]
    principal_name: str
    plane: Plane
    roles: frozenset[str]
    operation: str
    scope: Scope
    limits: dict[str, Decimal] = field(default_factory=dict)
    licence: str | None = None
    decision_id: UUID | None = None
    jti: str = ""

    @property
    def organization_id(self) -> UUID:
        return self.scope.organization_id

    def limit(self, name: str) -> Decimal:
        """A money limit; zero when none was granted."""
        return self.limits.get(name, Decimal(0))


def issue_context(keyring: Keyring, context: Context, audience: str) -> str:
    """Sign `context` for one service."""
    issued = int(now().timestamp())
    claims: dict[str, Any] = {
        "iss": "gateway",
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "jti": context.jti or str(new_id()),
        "sub": str(context.principal_id),
        "org": str(context.organization_id),
        "kind": context.principal_kind,
        "name": context.principal_name,
        "plane": context.plane,
        "roles": sorted(context.roles),
        "op": context.operation,
        "scope": {
            "kind": context.scope.kind,
            "locations": _texts(context.scope.locations),
            "entities": _texts(context.scope.entities),
            "office": context.scope.office,
        },
        "limits": {name: str(value) for name, value in context.limits.items()},
    }
    if context.licence:
        claims["licence"] = context.licence
    if context.decision_id:
        claims["decision"] = str(context.decision_id)
    return sign(keyring, claims)


def sign(keyring: Keyring, claims: dict[str, Any]) -> str:
    """A compact JWT over `claims`, signed with this process's key."""
    key = keyring.private
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


def verify(keyring: Keyring, token: str, *, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of a token by `issuer` for `audience`. Raises BadToken when anything about it is wrong."""
    try:
        kid = _kid(token)
        key = keyring.public(kid) if kid.startswith(f"{issuer}:") else None
        if key is None:
            raise BadToken("The token is signed by a key that is not trusted here.")
        claims = jwt.decode(token, key, algorithms=["Ed25519"]).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken("The token cannot be read.") from error
    _check(claims, issuer, audience)
    return dict(claims)


def _kid(token: str) -> str:
    return str(extract_compact(token.encode()).headers()["kid"])


def _check(claims: dict[str, Any], issuer: str, audience: str) -> None:
    instant = now().timestamp()
    if claims.get("iss") != issuer or claims.get("aud") != audience:
        raise BadToken("The token is for somebody else.")
    if not isinstance(claims.get("exp"), int) or claims["exp"] + _CLOCK_SKEW < instant:
        raise BadToken("The token has expired.")
    if not isinstance(claims.get("iat"), int) or claims["iat"] - _CLOCK_SKEW > instant:
        raise BadToken("The token is from the future.")


class Remembered(Generic[_Told]):
    """What verified tokens said, until they expire. Thread-safe."""

    def __init__(self, limit: int = 2000) -> None:
        self._limit = limit
        self._known: OrderedDict[Hashable, tuple[int, _Told]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, token: Hashable) -> _Told | None:
        """What a token said, where it has not expired."""
        known = self._known.get(token)
        return known[1] if known is not None and known[0] > now().timestamp() else None

    def keep(self, token: Hashable, expires: int, told: _Told) -> None:
        """Remember what a verified token said; `expires` is its POSIX time."""
        with self._lock:
            self._known[token] = (expires, told)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)


class ContextReader:
    """Verifies context tokens for one service, and remembers a verified one until it expires."""

    def __init__(self, keyring: Keyring, audience: str) -> None:
        self._keyring, self._audience = keyring, audience
        self._known: Remembered[Context] = Remembered()

    def read(self, token: str) -> Context:
        """The context of a valid token. Raises BadToken."""
        known = self._known.get(token)
        if known is not None:
            return known
        claims = verify(self._keyring, token, issuer="gateway", audience=self._audience)
        try:
            context = _context(claims)
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise BadToken("The token lacks what it must say.") from error
        self._known.keep(token, claims["exp"], context)
        return context


def _context(claims: dict[str, Any]) -> Context:
    told = claims["scope"]
    places = _ids(told["locations"]), _ids(told["entities"])
    return Context(
        principal_id=UUID(claims["sub"]),
        principal_kind=claims["kind"],
        principal_name=claims["name"],
        plane=claims["plane"],
        roles=frozenset(claims["roles"]),
        operation=claims["op"],
        scope=Scope(UUID(claims["org"]), told["kind"], *places, office=told.get("office") is True),
        limits={name: Decimal(value) for name, value in claims["limits"].items()},
        licence=claims.get("licence"),
        decision_id=UUID(claims["decision"]) if "decision" in claims else None,
        jti=claims["jti"],
    )


def _texts(ids: tuple[UUID, ...] | None) -> list[str] | None:
    return None if ids is None else [str(i) for i in ids]


def _ids(texts: list[str] | None) -> tuple[UUID, ...] | None:
    return None if texts is None else tuple(UUID(text) for text in texts)
