"""Who speaks, and what the directory says of their organization; answered from memory.

A change rings every process, and is known at once; without the bell, what is remembered is at most two seconds old.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select

from services.gateway.machine_clients import keys
from services.gateway.machine_clients.models import ApiKey
from services.gateway.machine_clients.service import note_use
from services.gateway.organizations.models import CHANNEL
from services.gateway.principals import loading
from services.gateway.principals.issuer import Issuer, header_of
from services.gateway.principals.snapshot import Organization, Principal
from services.gateway.roles import PLANES, Plane
from services.gateway.sessions import tokens
from services.gateway.sessions.service import SessionOver, alive
from services.gateway.users.models import User, UserKind, UserStatus
from shared.clock import now, today
from shared.db import Database
from shared.identity import BadToken
from shared.keys import Keyring
from shared.tenancy import Scope
from shared.wakeup import Wakeup

FRESH_SECONDS = 1.5
_REMEMBERED = 5_000
_NOTE_USE_SECONDS = 60.0
PLANE_HEADER = "Partywall-Plane"


class UnknownPerson(BadToken):
    """The identity provider vouches for somebody who has no active account here."""


@dataclass(frozen=True, slots=True)
class _Proved:
    """A principal, when that was last checked (monotonic), and when its token ends (POSIX)."""

    principal: Principal
    checked: float
    expires: float


@dataclass(frozen=True, slots=True)
class _Loaded:
    """An organization as it was when last checked (monotonic), and where the bell stood then."""

    organization: Organization
    checked: float
    mark: int


class Directory:
    """The directory as one process reads it. Thread-safe. `bell` rings when any organization's directory changed."""

    def __init__(
        self, database: Database, keyring: Keyring, issuer: Issuer | None = None, bell: Wakeup | None = None
    ) -> None:
        self._database, self._keyring, self._issuer, self._bell = database, keyring, issuer, bell
        self._lock = threading.Lock()
        self._proved: OrderedDict[bytes, _Proved] = OrderedDict()
        self._loaded: dict[UUID, _Loaded] = {}
        self._loading: dict[UUID, threading.Lock] = {}
        self._noted: dict[UUID, float] = {}

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """The principal that `Authorization: Bearer ...` proves: by a session's access token, an API key, or a token of
        the external issuer (which needs `Partywall-Plane`, or a claim `plane`). Raises Unauthenticated."""
        token, plane = _bearer(headers), headers.get(PLANE_HEADER, "")
        key = sha256(f"{token} {plane}".encode()).digest()
        known = self._proved.get(key)
        if known and time.monotonic() - known.checked < FRESH_SECONDS and now().timestamp() < known.expires:
            return known.principal
        proved = self._prove(token, plane)
        with self._lock:
            self._proved[key] = proved
            self._proved.move_to_end(key)
            while len(self._proved) > _REMEMBERED:
                self._proved.popitem(last=False)
        return proved.principal

    def organization(self, organization_id: UUID) -> Organization:
        """The organization as it is, or as it was at most two seconds ago. Raises NotFound."""
        known = self._loaded.get(organization_id)
        if known and self._fresh(known):
            return known.organization
        with self._lock:
            turn = self._loading.setdefault(organization_id, threading.Lock())
        # One thread reads; the others wait for what it finds.
        with turn:
            known = self._loaded.get(organization_id)
            if not known or not self._fresh(known):
                known = self._read(organization_id, known)
                self._loaded[organization_id] = known
        return known.organization

    def changed(self) -> None:
        """This process itself may have changed the directory: look again, without waiting to hear of it."""
        if self._bell:
            self._bell.ring(CHANNEL)

    def _fresh(self, known: _Loaded) -> bool:
        return known.mark == self._mark() and time.monotonic() - known.checked < FRESH_SECONDS

    def _mark(self) -> int:
        return self._bell.mark(CHANNEL) if self._bell else 0

    def _read(self, organization_id: UUID, known: _Loaded | None) -> _Loaded:
        checked, mark = time.monotonic(), self._mark()
        with self._database.transaction(Scope.whole(organization_id)) as session:
            if known and loading.version_of(session, organization_id) == known.organization.version:
                return replace(known, checked=checked, mark=mark)
            return _Loaded(loading.load(session, organization_id), checked, mark)

    def _prove(self, token: str, plane: str) -> _Proved:
        if keys.is_key(token):
            return self._machine(token)
        if self._issuer is not None and not str(header_of(token).get("kid", "")).startswith("gateway:"):
            return self._external(self._issuer, token, plane)
        return self._person(token)

    def _person(self, token: str) -> _Proved:
        claims, checked = tokens.read(self._keyring, token), time.monotonic()
        with self._database.transaction(Scope.whole(claims.organization_id)) as session:
            found = alive(session, claims.session_id, now())
        if found is None:
            raise SessionOver("")
        user = found[1]
        principal = Principal(user.id, "person", user.name, user.organization_id, claims.plane, claims.session_id)
        return _Proved(principal, checked, claims.expires)

    def _machine(self, token: str) -> _Proved:
        (prefix, secret), checked = keys.parts(token), time.monotonic()
        with self._database.platform_transaction() as session:
            wanted = select(ApiKey, User).join(User, User.id == ApiKey.user_id).where(ApiKey.prefix == prefix)
            found = session.execute(wanted).first()
            if found is None or not keys.fits(secret, found[0].secret_hash):
                raise BadToken("There is no such API key.")
            key, client = found
            if key.revoked_at is not None or key.expires_on < today() or client.status != UserStatus.ACTIVE:
                raise BadToken("This API key is over.")
            if checked - self._noted.get(key.id, float("-inf")) > _NOTE_USE_SECONDS:
                note_use(session, key, now())
                self._noted[key.id] = checked
        plane = cast(Plane, key.plane)
        return _Proved(Principal(client.id, "machine", client.name, key.organization_id, plane), checked, float("inf"))

    def _external(self, issuer: Issuer, token: str, plane: str) -> _Proved:
        claims, checked = issuer.claims(token), time.monotonic()
        acting = plane or claims.get("plane")
        if acting not in PLANES:
            raise BadToken(f"Say on which plane you act: {PLANE_HEADER}: {' or '.join(PLANES)}.")
        with self._database.platform_transaction() as session:
            user = session.execute(select(User).where(_vouched_for(claims))).scalar_one_or_none()
        if user is None or user.status != UserStatus.ACTIVE:
            raise UnknownPerson("Ask an administrator for an account.")
        principal = Principal(user.id, "person", user.name, user.organization_id, cast(Plane, acting))
        return _Proved(principal, checked, float(claims["exp"]))


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise BadToken("Send Authorization: Bearer with an access token or an API key.")
    return token.strip()


def _vouched_for(claims: dict[str, Any]) -> Any:
    """By subject where an account names one; else by an e-mail that the issuer has verified."""
    subject, email = claims.get("sub"), claims.get("email")
    known = (User.external_subject == str(subject)) & (User.kind == UserKind.PERSON)
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return known
    nameless = User.external_subject.is_(None) & (User.kind == UserKind.PERSON)
    return known | (nameless & (User.email == email.lower()))
