"""The processes of a running platform: found below its launcher, asked whether they are ready, killed by id."""

import contextlib
import os
import signal
import time
import urllib.request
from pathlib import Path

from shared.settings import SERVICES
from tests.support import processes

WEBS = tuple(f"{service}-web" for service in SERVICES)
WORKERS = tuple(f"{service}-worker" for service in SERVICES)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Victims:
    """What runs below the launcher with this process id. `ports` are the services' own (state.json)."""

    def __init__(self, launcher: int, ports: dict[str, int]) -> None:
        self._launcher = launcher
        self._urls = {f"{service}-web": f"http://127.0.0.1:{port}/readyz" for service, port in ports.items()}

    def pids(self) -> dict[str, int]:
        """The process of each name that runs now: `hr-web` (gunicorn's master), `hr-worker`, `database`."""
        children = [usage.pid for usage in processes.tree(self._launcher) if usage.parent == self._launcher]
        return {name: pid for pid in children if (name := _name(pid))}

    def web_child(self, web: str) -> int | None:
        """The process that answers for gunicorn's master `web`."""
        master = self.pids().get(web)
        born = [usage.pid for usage in processes.tree(master) if usage.parent == master] if master else []
        return born[0] if born else None

    def kill(self, name: str) -> bool:
        """SIGKILL; whether it was there."""
        pid = self.pids().get(name)
        return pid is not None and _send(pid, signal.SIGKILL)

    def kill_web_child(self, web: str) -> bool:
        """SIGKILL to the process that answers; gunicorn's master starts another."""
        pid = self.web_child(web)
        return pid is not None and _send(pid, signal.SIGKILL)

    def freeze(self, name: str, seconds: float) -> bool:
        """SIGSTOP, and SIGCONT after `seconds`; whether it was there."""
        pid = self.pids().get(name)
        if pid is None or not _send(pid, signal.SIGSTOP):
            return False
        time.sleep(seconds)
        _send(pid, signal.SIGCONT)
        return True

    def unready(self) -> list[str]:
        """Which processes do not say that they can work."""
        running = self.pids()
        return [name for name in (*WEBS, *WORKERS) if name not in running or not self._ready(name, running[name])]

    def _ready(self, name: str, pid: int) -> bool:
        url = self._urls.get(name)
        if url is None:
            port = _environment(pid).get("OPS_PORT")
            if port is None:
                return False
            url = self._urls[name] = f"http://127.0.0.1:{port}/readyz"
        try:
            with _DIRECT.open(url, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def _name(pid: int) -> str:
    """What a child of the launcher is, by its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    line = " ".join(words)
    for service in SERVICES:
        if f"services worker {service}" in line:
            return f"{service}-worker"
        if f"services web {service}" in line or f"services.{service}.wsgi:app" in line:
            return f"{service}-web"
    return "database" if any(word.endswith("/bin/postgres") for word in words) else ""


def _environment(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        return dict(line.partition("=")[::2] for line in lines if "=" in line)
    return {}


def _send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
