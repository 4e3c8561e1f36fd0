"""Which processes make the platform, on which ports, with which settings."""

import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.supervisor import Process
from shared.settings import SERVICES

GATEWAY_PORT = 8080  # or the next free one; the other services take whatever is free


# glibc: few arenas, and large blocks (19 MiB for each password hashed) go back to the system when they are freed.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


def listen(service: str) -> socket.socket:
    """An open socket of 127.0.0.1. It is handed to the service, so that nobody can take the port in between."""
    for port in [*(range(GATEWAY_PORT, GATEWAY_PORT + 10) if service == "gateway" else ()), 0]:
        opened = socket.socket()
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Here, because who connects before gunicorn sets it never gets it: 40 ms between an answer's head and body.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.bind(("127.0.0.1", port))
            opened.listen(512)
        except OSError:
            opened.close()
        else:
            return opened
    raise OSError("no port of 127.0.0.1 is free")


def port_of(opened: socket.socket) -> int:
    """The port of an open socket."""
    return int(opened.getsockname()[1])


def reserve() -> socket.socket:
    """A port of 127.0.0.1 for somebody who opens it by its number. As long as the socket is kept nobody gets the port
    who asks for any: the kernel gives out no port that is bound, and lets it be shared where both sides allow it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def processes(
    settings: Mapping[str, str], sockets: Mapping[str, socket.socket], ops_port: Callable[[], int], folder: Path
) -> list[Process]:
    """A web process and a worker for each service; the gateway's web process first, because it is stopped first.
    `ops_port` gives each a port for its metrics."""
    # What tunes gunicorn or counts metrics elsewhere is not meant for these.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GUNICORN_", "PROMETHEUS_"))}
    peers = ",".join(f"{service}=http://127.0.0.1:{port_of(opened)}" for service, opened in sockets.items())
    # Else each thread gets a heap of its own, and freed memory stays in all of them.
    common = {**_FRUGAL, **inherited, **settings, "PEERS": peers}
    webs = [_web(service, common, sockets[service], ops_port(), folder) for service in SERVICES]
    return webs + [_worker(service, common, ops_port(), folder) for service in SERVICES]


def _web(service: str, common: Mapping[str, str], opened: socket.socket, ops_port: int, folder: Path) -> Process:
    ports = {"PORT": str(port_of(opened)), "OPS_PORT": str(ops_port), "BIND": f"fd://{opened.fileno()}"}
    metrics = {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics" / service)}
    (folder / "metrics" / service).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "services", "web", service]
    log, ready = folder / "logs" / f"{service}-web.log", _answers(f"http://127.0.0.1:{port_of(opened)}/readyz")
    return Process(f"{service}-web", command, {**common, **ports, **metrics}, log, ready, [opened.fileno()])


def _worker(service: str, common: Mapping[str, str], ops_port: int, folder: Path) -> Process:
    command = [sys.executable, "-m", "services", "worker", service]
    log, ready = folder / "logs" / f"{service}-worker.log", _answers(f"http://127.0.0.1:{ops_port}/readyz")
    return Process(f"{service}-worker", command, {**common, "OPS_PORT": str(ops_port)}, log, ready)


def _answers(url: str) -> Callable[[], bool]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy stands before 127.0.0.1

    def ask() -> bool:
        try:
            with direct.open(url, timeout=2) as response:
                return bool(response.status == 200)
        except OSError:  # refused, timed out, or a status that says not yet
            return False

    return ask
