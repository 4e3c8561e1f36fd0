"""The feed: each service's event log over HTTP, for other services only; the healing path, or all there is.

A page is `{"head": H, "hash": X, "upto": U, "events": [...]}`: the exact stored bytes, in order. Everything up to U
that the caller may hear is in it or was before; H is the publisher's newest sequence, X the hash its chain ends in.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import urllib3
from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy import text

from shared.clock import now
from shared.db import Database
from shared.errors import Forbidden, Invalid
from shared.identity import Remembered, sign, verify
from shared.keys import Keyring
from shared.outbox import CHANNEL, LOG_CHANNEL
from shared.settings import Settings
from shared.tail import FRESH_SECONDS, Tail
from shared.wakeup import Wakeup
from shared.web.operations import public
from shared.web.stopping import stopping

PATH = "/internal/events"
CALLER = "Partywall-Caller"
LONGEST_WAIT = 10.0
LARGEST_PAGE = 500
_TOKEN_SECONDS = 60

# Who may hear what: the audit store and the books hear both sides of the wall, the others the business side only.
HEARS: dict[str, tuple[Literal["business", "clinical"], ...]] = {
    "gateway": ("business", "clinical"),
    "billing": ("business", "clinical"),
    "procurement": ("business",),
    "hr": ("business",),
}

# One statement, so one snapshot: the head and everything up to it.
_PAGE = text(
    "select c.sequenced, c.hash, e.sequence, e.envelope from relay_cursor c left join lateral ("
    " select sequence, envelope from event_log where sequence > :after and sequence <= c.sequenced"
    " and plane = any(cast(:planes as text[]))"
    " and type <> all(cast(:without as text[]))"
    " order by sequence limit :limit) e on true where c.id = 1 order by e.sequence"
)


# (head, its hash, up to where everything is known, the stored bytes)
_Found = tuple[int, str, int, list[bytes]]


class NoFeed(Forbidden):
    """This feed is for services of the platform only."""


class BadPage(Invalid):
    """The page asked for does not exist."""


class FeedUnavailable(Exception):
    """The publisher's feed did not answer properly; the next pull tries again."""


class Page(msgspec.Struct):
    """What a pull got: raw envelopes, complete up to `upto`; the publisher's log ends at `head` with `hash` (hex)."""

    head: int
    upto: int
    events: list[msgspec.Raw]
    hash: str = ""


def read(database: Database, caller: str, after: int, limit: int = LARGEST_PAGE, without: Iterable[str] = ()) -> _Found:
    """(head, hash, upto, bodies) of at most `limit` events after sequence `after` that `caller` may hear, but for the
    types in `without`."""
    values = {"after": after, "planes": list(HEARS[caller]), "without": list(without), "limit": limit}
    with database.platform_transaction() as session:
        rows = session.execute(_PAGE, values).all()
    head, chained = (rows[0].sequenced, rows[0].hash.hex()) if rows else (0, "")
    bodies = [row.envelope for row in rows if row.sequence is not None]
    upto = rows[-1].sequence if len(bodies) == limit else max(head, after)
    return head, chained, upto, bodies


@dataclass(frozen=True, slots=True)
class _Asked:
    """At most `limit` events after sequence `after` that `caller` may hear, but for the types in `without`."""

    caller: str
    after: int
    limit: int
    without: frozenset[str]


class _Log:
    """The log as one process serves it: who polls waits for the bell, and is answered from the tail."""

    def __init__(self, database: Database, keyring: Keyring, settings: Settings) -> None:
        self._database, self._keyring, self._service = database, keyring, settings.service
        self._proved: Remembered[bool] = Remembered()
        self._bell = Wakeup(settings.database_url, CHANNEL, LOG_CHANNEL, notify=settings.outbox_notify)
        self._tail = Tail(database, self._bell)
        database.before_close(self._bell.close)

    def caller(self, name: str, token: str) -> str:
        """The service that a token proves. Raises NoFeed, BadToken."""
        if name not in HEARS:
            raise NoFeed("Say which service you are.")
        if self._proved.get((name, token)) is None:
            claims = verify(self._keyring, token, issuer=name, audience=self._service)
            if claims.get("use") != "feed":
                raise NoFeed("The token is not for feeds.")
            self._proved.keep((name, token), claims["exp"], True)
        return name

    def poll(self, asked: _Asked, wait: float) -> _Found:
        """The page as soon as there is an event for the caller after its place, or as it is when the wait is over."""
        deadline = time.monotonic() + wait
        while True:
            mark = self._bell.mark(LOG_CHANNEL)
            found = self._look(asked, mark)
            left = deadline - time.monotonic()
            if found[3] or left <= 0 or stopping.is_set():
                return found
            asked = replace(asked, after=found[2])
            self._bell.wait(LOG_CHANNEL, mark, min(left, FRESH_SECONDS))

    def _look(self, asked: _Asked, mark: int) -> _Found:
        newest = self._tail.after(asked.after, mark)
        if newest is None:
            return read(self._database, asked.caller, asked.after, asked.limit, asked.without)
        head, chained, events = newest
        heard = [one for one in events if one.plane in HEARS[asked.caller] and one.type not in asked.without]
        heard = heard[: asked.limit]
        upto = heard[-1].sequence if len(heard) == asked.limit else max(head, asked.after)
        return head, chained, upto, [one.body for one in heard]


def blueprint() -> Blueprint:
    """GET /internal/events?after=&limit=&wait=&without= of the service that mounts it."""
    feed = Blueprint("feed", __name__)

    @feed.record_once
    def open_log(state: BlueprintSetupState) -> None:
        platform = state.app.extensions["partywall"]
        state.app.extensions["partywall_log"] = _Log(platform.database, platform.keyring, platform.settings)

    @feed.get(PATH)
    @public("shared.feed.read")
    def pull() -> Response:
        log: _Log = current_app.extensions["partywall_log"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        caller = log.caller(request.headers.get(CALLER, ""), token)
        after, limit, wait = _number("after", 0, 2**62), _number("limit", 1, LARGEST_PAGE), _number("wait", 0, 10)
        without = frozenset(filter(None, request.args.get("without", "").split(",")))
        head, chained, upto, bodies = log.poll(_Asked(caller, after, limit, without), wait)
        start = b'{"head":%d,"hash":"%s","upto":%d,"events":[' % (head, chained.encode(), upto)
        return Response(start + b",".join(bodies) + b"]}", mimetype="application/json")

    return feed


def _number(name: str, least: int, most: int) -> int:
    default = LARGEST_PAGE if name == "limit" else 0
    value = request.args.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 19 or not least <= int(value) <= most:
        raise BadPage(f"{name} is a whole number from {least} to {most}.")
    return int(value)


class FeedClient:
    """Reads the feeds of other services; `peers` maps a publisher to its base URL."""

    def __init__(self, keyring: Keyring, service: str, peers: dict[str, str]) -> None:
        self._keyring, self._service, self._peers = keyring, service, peers
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)
        self._tokens: dict[str, tuple[float, str]] = {}

    def pull(
        self, publisher: str, after: int, *, limit: int = LARGEST_PAGE, wait: float = 0, without: Sequence[str] = ()
    ) -> Page:
        """The next page of `publisher`'s feed, but for the types in `without`; waits up to `wait` seconds for an event.
        Raises FeedUnavailable."""
        if publisher not in self._peers:
            raise FeedUnavailable(f"PEERS does not say where {publisher} is")
        try:
            response = self._pool.request(
                "GET",
                f"{self._peers[publisher].rstrip('/')}{PATH}",
                fields={"after": str(after), "limit": str(limit), "wait": str(int(wait)), "without": ",".join(without)},
                headers={CALLER: self._service, "Authorization": f"Bearer {self._token(publisher)}"},
                timeout=urllib3.Timeout(connect=2, read=wait + 10),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise FeedUnavailable(f"{publisher} does not answer: {type(error).__name__}") from error
        if response.status != 200:
            raise FeedUnavailable(f"{publisher} answers {response.status}")
        try:
            return msgspec.json.decode(response.data, type=Page)
        except msgspec.DecodeError as error:
            raise FeedUnavailable(f"{publisher} sent what is no page") from error

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def _token(self, publisher: str) -> str:
        instant = now().timestamp()
        made, token = self._tokens.get(publisher, (0.0, ""))
        if not instant - _TOKEN_SECONDS / 2 < made <= instant:
            claims: dict[str, Any] = {
                "iss": self._service,
                "aud": publisher,
                "iat": int(instant),
                "exp": int(instant) + _TOKEN_SECONDS,
                "use": "feed",
            }
            made, token = instant, sign(self._keyring, claims)
            self._tokens[publisher] = (made, token)
        return token
