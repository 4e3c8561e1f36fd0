"""A PostgreSQL of the harness's own: durable, killed and started again on the same port."""

import os
import random
import signal
from pathlib import Path

from deploy.local import postgres
from tests.support import processes


class OwnDatabase:
    """One embedded server in a folder. Only what this object started is ever killed, by process id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = postgres.start(folder, durable=True)

    @property
    def url(self) -> str:
        """The superuser's libpq URL."""
        return self._server.url()

    def kill(self) -> None:
        """SIGKILL to the postmaster, as if the machine had lost power; then start on what is on disk."""
        self._server.process.kill()
        self._server.process.wait()
        self._server.stop()
        self._server = postgres.start(self._folder, durable=True, port=self._server.port)

    def kill_backend(self, chance: random.Random) -> None:
        """SIGKILL to one server process; PostgreSQL then throws everybody out and recovers by itself."""
        children = [usage.pid for usage in processes.tree(self._server.process.pid)][1:]
        os.kill(chance.choice(children), signal.SIGKILL)

    def stop(self) -> None:
        self._server.stop()
