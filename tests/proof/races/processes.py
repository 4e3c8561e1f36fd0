"""More worker processes beside the platform's own, with the same settings."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import urllib3

from deploy.local.instance import ROOT

_HTTP = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(5))
_ENDS_WITHIN = 180.0


def environment(state: dict[str, Any], **changes: str) -> dict[str, str]:
    """What a process of the running platform is started with."""
    peers = ",".join(f"{service}=http://127.0.0.1:{port}" for service, port in state["ports"].items())
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**kept, **state["settings"], "PEERS": peers, **changes}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Workers:
    """Second (and third) workers of some services. What they say goes to files in `folder`."""

    def __init__(self, state: dict[str, Any], services: Sequence[str], folder: Path, **changes: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ports: list[int] = []
        for number, service in enumerate(services):
            port = free_port()
            with (folder / f"{number}-{service}.log").open("wb") as log:
                started = subprocess.Popen(
                    [sys.executable, "-m", "services", "worker", service],
                    cwd=ROOT, env=environment(state, OPS_PORT=str(port), **changes), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log,
                )  # fmt: skip
            self._processes.append(started)
            self._ports.append(port)

    @property
    def ready(self) -> bool:
        """Whether all of them work."""
        return all(is_ready(port) for port in self._ports)

    @property
    def alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def stop(self) -> list[int]:
        """Ask them to end; their exit codes. Safe to repeat."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        return [process.wait(_ENDS_WITHIN) for process in self._processes]


def is_ready(port: int) -> bool:
    """Whether /readyz of a process says that it can work."""
    try:
        return bool(_HTTP.request("GET", f"http://127.0.0.1:{port}/readyz").status == 200)
    except urllib3.exceptions.HTTPError:
        return False
