"""The gateway under gunicorn, spoken to byte by byte: nobody gets two readings out of one request."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.gateway.directory.brand import PASSWORD, Brand
from tests.gateway.door.upstream import Upstream

ROOT = Path(__file__).resolve().parents[3]
Address = tuple[str, int]


@pytest.fixture
def gunicorn(settings: Settings, tmp_path: Path) -> Iterator[Address]:
    """The gateway, served as in production."""
    listener = socket.create_server(("127.0.0.1", 0))
    environ = {
        **os.environ,
        "SERVICE": "gateway",
        "DATABASE_URL": settings.database_url,
        "KEYS_FOLDER": str(settings.keys_folder),
        "PEERS": ",".join(f"{name}={url}" for name, url in settings.peers.items()),
        "MAX_BODY_BYTES": str(settings.max_body_bytes),
        "BIND": f"fd://{listener.fileno()}",
        "LOG_LEVEL": "WARNING",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:deploy.gunicorn_conf", "services.gateway.wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[listener.fileno()])
    address: Address = listener.getsockname()
    listener.close()
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: Address, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            if b" 200 " in say(address, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
                return
        time.sleep(0.1)
    raise AssertionError(f"gunicorn did not start: {process.poll()}")


def say(address: Address, request: bytes) -> bytes:
    """Everything the server answers to these bytes until it closes or falls silent."""
    heard = b""
    with closing(socket.create_connection(address, 5)) as connection:
        connection.settimeout(3)
        connection.sendall(request)
        with suppress(TimeoutError, ConnectionResetError):
            while piece := connection.recv(65536):
                heard += piece
    return heard


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


CROOKED_HEADS = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    b"Content-Length: 0, 5\r\n\r\n",
    b"Content-Length: +0\r\n\r\n",
    b"Content-Length : 0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
    b"X-A: b\x00c\r\n\r\n",
]
CROOKED_LINES = [
    b"GET http://elsewhere/v1/network/procurement/requisitions HTTP/1.1",
    b"GET //v1/network/procurement/requisitions HTTP/1.1",
    b"GET /v1/network/procurement/%2e%2e/requisitions HTTP/1.1",
    b"GET /v1/network/procurement/requisitions/..%2f..%2faudit HTTP/1.1",
    b"GET /v1/network/procurement\\requisitions HTTP/1.1",
]


def test_no_crooked_request_is_read_in_two_ways(gunicorn: Address, upstream: Upstream) -> None:
    start = b"POST /v1/network/procurement/requisitions HTTP/1.1\r\nHost: x\r\n"
    for head in CROOKED_HEADS:
        answered = statuses(say(gunicorn, start + head + SMUGGLED))
        assert len(answered) == 1, head
        assert answered[0] in (400, 401, 501), head
    for line in CROOKED_LINES:
        answered = statuses(say(gunicorn, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n"))
        assert answered in ([400], [404]), line
    assert upstream.seen == []


def test_a_signed_in_caller_streams_in_and_out_and_no_forged_header_follows(
    gunicorn: Address, brand: Brand, upstream: Upstream
) -> None:
    mso = brand.entity("mso", "Glow MSO")
    cara = brand.person("Cara Controller", PASSWORD)
    brand.grant(cara, "controller", "legal_entity", mso)
    token = brand.sign_in("Cara Controller").get_json()["access_token"]
    head = (
        f"GET /v1/entities/{mso}/billing/periods?limit=5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Partywall-Context: forged\r\nPartywall_Context: forged\r\nConnection: close\r\n\r\n"
    )
    answer = say(gunicorn, head.encode())
    assert statuses(answer) == [200], answer
    [heard] = upstream.seen
    assert heard["path"] == "/periods?limit=5"
    assert [value for name, value in heard["headers"] if name.lower().startswith("partywall")] != ["forged"]
    assert b"forged" not in repr(heard["headers"]).encode()


def test_a_body_without_a_length_stops_at_the_limit(gunicorn: Address, brand: Brand, settings: Settings) -> None:
    mso = brand.entity("mso", "Glow MSO")
    cara = brand.person("Cara Controller", PASSWORD)
    brand.grant(cara, "controller", "legal_entity", mso)
    token = brand.sign_in("Cara Controller").get_json()["access_token"]
    head = (
        f"POST /v1/entities/{mso}/billing/journal HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    small = say(gunicorn, head.encode() + piece + b"0\r\n\r\n")
    assert statuses(small) == [200], small
    pieces = settings.max_body_bytes // 0x8000 + 2
    assert statuses(say(gunicorn, head.encode() + piece * pieces + b"0\r\n\r\n")) == [413]
