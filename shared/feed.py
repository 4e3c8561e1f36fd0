"""The feed: each service's event log over HTTP, for other services only; the healing path, or all there is.

A page is `{"head": H, "hash": X, "upto": U, "events": [...]}`: the exact stored bytes, in order. Everything up to U
that the caller may hear is in it or was before; H is the publisher's newest sequence, X the hash its chain ends in.
With `follow` the answer is page after page, a line each: a request for every event would cost both sides more than
the event. Who is in no hurry lets events `gather` (the audit store): fewer and larger transactions, and the processor
is left to those whose effects somebody waits for.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy import text

from shared.db import Database
from shared.errors import Forbidden, Invalid
from shared.identity import Remembered, verify
from shared.keys import Keyring
from shared.outbox import LOG_CHANNEL
from shared.settings import Settings
from shared.tail import FRESH_SECONDS, Tail
from shared.wakeup import Wakeup
from shared.web.operations import public
from shared.web.stopping import stopping

PATH = "/internal/events"
CALLER = "Partywall-Caller"
LONGEST_WAIT, LONGEST_FOLLOW = 10, 60
LONGEST_GATHER = 1000  # milliseconds
LARGEST_PAGE = 500

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
    """At most `limit` events after sequence `after` that `caller` may hear, but for the types in `without`; once there
    is one, `gather` seconds for more."""

    caller: str
    after: int
    limit: int
    without: frozenset[str]
    gather: float


class _Log:
    """The log as one process serves it: who polls waits for the bell, and is answered from the tail."""

    def __init__(self, database: Database, keyring: Keyring, settings: Settings) -> None:
        self._database, self._keyring, self._service = database, keyring, settings.service
        self._proved: Remembered[bool] = Remembered()
        self._bell = Wakeup(settings.database_url, LOG_CHANNEL, notify=settings.outbox_notify)
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
        gather = asked.gather if wait else 0.0
        while True:
            mark = self._bell.mark(LOG_CHANNEL)
            found = self._look(asked, mark)
            if found[3] and gather:
                stopping.wait(gather)
                gather = 0.0
                continue
            left = deadline - time.monotonic()
            if found[3] or left <= 0 or stopping.is_set():
                return found
            asked = replace(asked, after=found[2])
            self._bell.wait(LOG_CHANNEL, mark, min(left, FRESH_SECONDS))

    def follow(self, asked: _Asked, wait: float, seconds: float) -> Iterator[bytes]:
        """Page after page for so long, a line each; one without an event where none came within `wait`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not stopping.is_set():
            found = self.poll(asked, wait)
            asked = replace(asked, after=found[2])
            yield _page(found) + b"\n"

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
    """GET /internal/events?after=&limit=&wait=&without=&follow=&gather= of the service that mounts it.

    A page comes after `wait` seconds at the latest, with what came within `gather` milliseconds of its first event;
    pages follow for `follow` seconds.
    """
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
        after, limit = _number("after", 0, 2**62), _number("limit", 1, LARGEST_PAGE)
        wait, follow = _number("wait", 0, LONGEST_WAIT), _number("follow", 0, LONGEST_FOLLOW)
        without = frozenset(filter(None, request.args.get("without", "").split(",")))
        asked = _Asked(caller, after, limit, without, _number("gather", 0, LONGEST_GATHER) / 1000)
        if follow:
            return Response(log.follow(asked, wait, follow), mimetype="application/x-ndjson")
        return Response(_page(log.poll(asked, wait)), mimetype="application/json")

    return feed


def _page(found: _Found) -> bytes:
    head, chained, upto, bodies = found
    return b'{"head":%d,"hash":"%s","upto":%d,"events":[%s]}' % (head, chained.encode(), upto, b",".join(bodies))


def _number(name: str, least: int, most: int) -> int:
    default = LARGEST_PAGE if name == "limit" else 0
    value = request.args.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 19 or not least <= int(value) <= most:
        raise BadPage(f"{name} is a whole number from {least} to {most}.")
    return int(value)
