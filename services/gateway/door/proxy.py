"""Pass a decided request on to its service, and the answer back; bytes stream both ways."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import urllib3
from flask import Request, Response
from prometheus_client import Histogram
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from shared import logging
from shared.errors import Problem, Unavailable
from shared.metrics import BUCKETS
from shared.web.operations import HEADER

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 30.0
WHOLE = 64 * 1024
HOP = Histogram("partywall_hop_seconds", "Time until a service began to answer", ["service"], buckets=BUCKETS)

# Only these pass inwards; hop-by-hop headers, cookies, credentials and anything internal stay out unnamed.
INWARD = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Range",
    "Traceparent",
    "Tracestate",
    "User-Agent",
)
# And these do not pass outwards.
KEPT_IN = frozenset(
    {
        "connection",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    }
)
log = logging.get(__name__)
_LINK = re.compile(r"<(/[^>]*)>")


class TooSlow(Problem):
    """The service did not answer in time; whether it did its work is not known."""

    status = 504


class Peers:
    """Connections to the services, pooled and kept open."""

    def __init__(self, urls: Mapping[str, str], connections: int) -> None:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        self._pools = {
            service: urllib3.connection_from_url(url, maxsize=connections, timeout=timeout, retries=False)
            for service, url in urls.items()
        }

    def __contains__(self, service: str) -> bool:
        return service in self._pools

    def forward(self, service: str, path: str, prefix: str, request: Request, token: str, request_id: str) -> Response:
        """Send the request to `service` at `path`. Raises Unavailable (503), TooSlow (504)."""
        headers = inward(request, token, request_id)
        body = _body(request, headers)
        pool = self._pools.get(service)
        if pool is None:
            raise Unavailable(f"{service} is not here.")
        with HOP.labels(service).time():
            answer = self._send(pool, service, request.method, path, body, headers)
        if answer.status == 401:
            answer.drain_conn()
            answer.release_conn()
            log.error("token refused", reason=service, status=401)
            raise Unavailable(f"{service} does not accept this door's signature.")
        return _outward(answer, prefix, request.method)

    def _send(self, pool: Any, service: str, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        # A read may be sent again when a kept connection turned out to be closed; a change must not.
        tries = 2 if method in ("GET", "HEAD") and body is None else 1
        for left in reversed(range(tries)):
            try:
                return pool.urlopen(
                    method,
                    path,
                    body=body,
                    headers=headers,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
            except ReadTimeoutError as error:
                raise TooSlow(f"{service} took longer than {ANSWER_SECONDS:.0f} seconds.") from error
            except (NewConnectionError, ConnectTimeoutError) as error:
                raise Unavailable(f"{service} does not answer.") from error
            except ProtocolError as error:
                if not left:
                    raise Unavailable(f"{service} broke off.") from error
            except HTTPError as error:
                raise Unavailable(f"{service} cannot be reached.") from error
        raise AssertionError


def inward(request: Request, token: str, request_id: str) -> dict[str, str]:
    """The headers a service gets to see."""
    kept = {name: request.headers[name] for name in INWARD if name in request.headers}
    return {**kept, HEADER: token, "X-Request-Id": request_id}


def _body(request: Request, headers: dict[str, str]) -> bytes | Iterable[bytes] | None:
    """The body: whole when small or absent, else as a stream that stops at the limit (413)."""
    length = request.content_length
    if length is None and "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return None
    stream = request.stream  # refuses a length over the limit before anything is sent on
    if length is not None and length <= WHOLE:
        return stream.read() if length else (None if request.method in ("GET", "HEAD", "DELETE") else b"")
    if length is not None:
        headers["Content-Length"] = str(length)
    return iter(lambda: stream.read(WHOLE), b"")


def _outward(answer: Any, prefix: str, method: str) -> Response:
    """The service's answer as ours: hop-by-hop headers dropped, its own paths made public ones."""
    named = {name.strip().lower() for name in answer.headers.get("Connection", "").split(",")}
    headers = [
        (name, _public(name, value, prefix))
        for name, value in answer.headers.iteritems()
        if name.lower() not in KEPT_IN | named and not name.lower().startswith("partywall-")
    ]
    length = answer.headers.get("Content-Length")
    if method == "HEAD" or (length is not None and int(length) <= WHOLE):
        whole = answer.read()
        answer.release_conn()
        return Response(whole, answer.status, headers)
    return Response(_stream(answer), answer.status, headers, direct_passthrough=True)


def _stream(answer: Any) -> Iterator[bytes]:
    try:
        yield from answer.stream(WHOLE)
        answer.release_conn()
    finally:
        # A caller that went away leaves unread bytes: such a connection must not be used again.
        answer.close()


def _public(name: str, value: str, prefix: str) -> str:
    if name.lower() in ("location", "content-location") and value.startswith("/"):
        return prefix + value
    if name.lower() == "link":
        return _LINK.sub(lambda found: f"<{prefix}{found[1]}>", value)
    return value
