"""Proof that the event log is what was written: walks the chain and names the first sequence that does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, text

from shared.db import Database
from shared.relay import GENESIS, link

_PAGE = 2000
_READ = text(
    "select sequence, envelope, prev_hash, hash from event_log where sequence > :after order by sequence limit :limit"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` events fit; `broken_at` is the first sequence that does not (None: all do), `why` in plain words.

    `head` is the hash (hex) the chain ends in: compare it with what another service anchored.
    """

    checked: int
    broken_at: int | None
    why: str
    head: str


class Walk:
    """A walk along the whole chain of a service's event log, a page and a short transaction at each `advance`.

    `verdict` is None until it has ended. `anchors` are hashes (hex) by sequence that other services wrote down
    (shared.anchors).
    """

    def __init__(self, database: Database, anchors: Mapping[int, str] = MappingProxyType({})) -> None:
        self._database, self._anchors = database, anchors
        self._ends: dict[int, str] | None = None
        self._previous = GENESIS
        self.checked = 0
        self.verdict: Verdict | None = None

    def advance(self) -> None:
        """Check the next page."""
        if self._ends is None:
            self._ends = {**_cursor(self._database), **self._anchors}
        rows = _page(self._database, self.checked)
        for row in rows:
            why = _fault(row.sequence, row.envelope, row.prev_hash, row.hash, self.checked + 1, self._previous)
            if not why and self._ends.get(row.sequence, row.hash.hex()) != row.hash.hex():
                why = "the chain was computed anew: it is not what was written down elsewhere"
            if why:
                self._end(why)
                return
            self.checked, self._previous = row.sequence, row.hash
        if not rows:
            # Events cut off the end leave a chain that fits; the relay's cursor and the anchors remember where it
            # ended.
            self._end("the event is missing" if self.checked < max(self._ends, default=0) else "")

    def _end(self, why: str) -> None:
        self.verdict = Verdict(self.checked, self.checked + 1 if why else None, why, self._previous.hex())


def verify(database: Database, anchors: Mapping[int, str] = MappingProxyType({})) -> Verdict:
    """Walk the whole chain of the service's event log to its end; `anchors` as for Walk."""
    walk = Walk(database, anchors)
    while walk.verdict is None:
        walk.advance()
    return walk.verdict


def _cursor(database: Database) -> dict[int, str]:
    with database.platform_transaction() as session:
        end = session.execute(text("select sequenced, hash from relay_cursor where sequenced > 0")).one_or_none()
    return {end.sequenced: end.hash.hex()} if end else {}


def _page(database: Database, after: int) -> Sequence[Row[Any]]:
    with database.platform_transaction() as session:
        return session.execute(_READ, {"after": after, "limit": _PAGE}).all()


def _fault(sequence: int, body: bytes, before: bytes, stored: bytes, expected: int, previous: bytes) -> str:
    if sequence != expected:
        return "the event is missing"
    if before != previous:
        return "it does not follow from the event before"
    return "" if link(previous, body) == stored else "its content was changed"
