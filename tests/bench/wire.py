"""HTTP/1.1 over one kept socket, as little of it as the gateway's answers need."""

import socket

from tests.bench.generator import Failed


class Wire:
    """A connection to the gateway that sends prepared requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, request: bytes, expected: int) -> bytes:
        """Send a whole request; the body of an answer with status `expected`. Raises Failed, OSError."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(request)
            head, body = self._receive(self._socket)
        except (OSError, Failed):
            self._socket.close()
            self._socket = None
            raise
        if b"\r\nconnection: close" in head:
            self._socket.close()
            self._socket = None
        status = int(head[9:12])
        if status != expected:
            raise Failed(f"{status} {body[:200].decode(errors='replace')}")
        return body

    def _receive(self, connection: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while (ends := data.find(b"\r\n\r\n")) < 0:
            data += self._more(connection)
        head, body = data[:ends].lower(), data[ends + 4 :]
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            raise Failed("an answer without a length")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._more(connection)
        return head, body

    def _more(self, connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise Failed("the connection was closed")
        return data


def request(method: str, path: str, token: str, body: bytes = b"", headers: str = "") -> bytes:
    """The bytes of a request."""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    lines = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n{kind}{headers}"
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
