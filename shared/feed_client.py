"""Reading the feeds of other services: a page to catch up with, or page after page to stay up to date."""

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
import urllib3

from shared.clock import now
from shared.feed import CALLER, LARGEST_PAGE, PATH
from shared.identity import sign
from shared.keys import Keyring

_TOKEN_SECONDS = 60
_FOLLOW = 30  # seconds an answer is read; then the next request shows a token anew
_PATIENCE = 10.0  # seconds beyond what the publisher may take


class FeedUnavailable(Exception):
    """The publisher's feed did not answer properly; the next pull tries again."""


class Page(msgspec.Struct):
    """What a pull got: raw envelopes, complete up to `upto`; the publisher's log ends at `head` with `hash` (hex)."""

    head: int
    upto: int
    events: list[msgspec.Raw]
    hash: str = ""


class _Followed:
    """An answer of page after page. One thread reads it; `cut` may come from another."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, after: int) -> None:
        self._answer, self._upto, self._buffer = answer, after, b""
        self._reading = threading.Lock()

    def goes_on(self, after: int) -> bool:
        """Whether what comes next follows sequence `after`."""
        return self._upto == after

    def next(self) -> Page | None:
        """The next page; None when there are no more. Raises HTTPError, OSError, DecodeError."""
        with self._reading:
            while b"\n" not in self._buffer:
                more = self._answer.read1(65536, decode_content=False)
                if not more:
                    return None
                self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        page = _read(line)
        self._upto = page.upto
        return page

    def cut(self) -> None:
        """Read no more: who reads at the moment hears that it is over."""
        wire: socket.socket | None = getattr(self._answer.connection, "sock", None)
        if wire is not None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        with self._reading:
            self._answer.close()


def _read(page: bytes) -> Page:
    return msgspec.json.decode(page, type=Page)


class FeedClient:
    """Reads the feeds of other services; `peers` maps a publisher to its base URL."""

    def __init__(self, keyring: Keyring, service: str, peers: dict[str, str]) -> None:
        self._keyring, self._service, self._peers = keyring, service, peers
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)
        self._tokens: dict[str, tuple[float, str]] = {}
        self._followed: dict[str, _Followed] = {}
        self._closed = threading.Event()

    def pull(
        self,
        publisher: str,
        after: int,
        *,
        limit: int = LARGEST_PAGE,
        wait: int = 0,
        without: Sequence[str] = (),
        gather: int = 0,
    ) -> Page:
        """The next page of `publisher`'s feed, but for the types in `without`. Raises FeedUnavailable.

        With `wait` it comes when there is an event, after so many seconds at the latest, from an answer that is kept
        open for the pages that follow, `gather` milliseconds after its first event; one thread at a time may wait for a
        publisher.
        """
        asked = {"after": after, "limit": limit, "wait": wait, "without": ",".join(without), "gather": gather}
        try:
            return self._next(publisher, asked) if wait else _read(self._ask(publisher, asked, _PATIENCE).data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._hang_up(publisher)
            raise FeedUnavailable(f"{publisher} does not answer: {type(error).__name__}") from error
        except msgspec.DecodeError as error:
            self._hang_up(publisher)  # what follows on this answer lies behind the page that was lost
            raise FeedUnavailable(f"{publisher} sent what is no page") from error

    def close(self) -> None:
        """Hang up: whoever waits gets FeedUnavailable."""
        self._closed.set()
        for publisher in list(self._followed):
            self._hang_up(publisher)
        self._pool.clear()

    def _hang_up(self, publisher: str) -> None:
        followed = self._followed.pop(publisher, None)
        if followed is not None:
            followed.cut()

    def _next(self, publisher: str, asked: dict[str, Any]) -> Page:
        followed = self._followed.get(publisher)
        if followed is None or not followed.goes_on(asked["after"]):
            followed = self._follow(publisher, asked)
        page = followed.next()
        if page is None:  # its time was over
            page = self._follow(publisher, asked).next()
        if page is None:
            raise FeedUnavailable(f"{publisher} is about to stop")
        return page

    def _follow(self, publisher: str, asked: dict[str, Any]) -> _Followed:
        self._hang_up(publisher)
        if self._closed.is_set():
            raise FeedUnavailable("this process is about to stop")
        answer = self._ask(publisher, {**asked, "follow": _FOLLOW}, asked["wait"] + _PATIENCE, preload_content=False)
        self._followed[publisher] = followed = _Followed(answer, asked["after"])
        if self._closed.is_set():  # meanwhile
            followed.cut()
        return followed

    def _ask(self, publisher: str, asked: dict[str, Any], patience: float, **options: Any) -> urllib3.BaseHTTPResponse:
        if publisher not in self._peers:
            raise FeedUnavailable(f"PEERS does not say where {publisher} is")
        answer = self._pool.request(
            "GET",
            f"{self._peers[publisher].rstrip('/')}{PATH}",
            fields={name: str(value) for name, value in asked.items()},
            headers={CALLER: self._service, "Authorization": f"Bearer {self._token(publisher)}"},
            timeout=urllib3.Timeout(connect=2, read=patience),
            **options,
        )
        if answer.status != 200:
            answer.close()
            raise FeedUnavailable(f"{publisher} answers {answer.status}")
        return answer

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
