"""What gunicorn itself refuses (a line too long, a bad header) is a problem document too, not a page of HTML."""

import json
from http import HTTPStatus
from typing import Any

from gunicorn.workers.base import Worker

from shared.web.problems import TYPE_PREFIX


class Refusals(Worker):  # type: ignore[misc]
    """For a worker to inherit: requests it cannot read never reach the app."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer as gunicorn decides, in our words."""
        super().handle_error(req, _Rewritten(client), addr, exc)


class _Rewritten:
    """A connection on which an answer of gunicorn's own goes out as problem+json."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, answer: bytes) -> None:
        self._connection.sendall(problem(HTTPStatus(int(answer.split(b" ", 2)[1]))))


def problem(status: HTTPStatus) -> bytes:
    """A whole response, after which the connection ends."""
    slug = status.phrase.lower().replace(" ", "-")
    document = {"type": TYPE_PREFIX + slug, "title": status.phrase, "status": status}
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
