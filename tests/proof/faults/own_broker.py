"""A RabbitMQ node of the harness's own, on free ports with folders of its own; the machine's node is not touched."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from shared.bus import BROKER_ERRORS, connect
from tests.support import processes

_READY_SECONDS = 120.0
_HOME = Path("/usr/lib/rabbitmq/lib")


class BrokerFailed(Exception):
    """The node did not come up; the message ends with the last lines it said."""


def installed() -> Path | None:
    """The folder of the newest RabbitMQ on this machine; None where there is none."""
    named = os.environ.get("RABBITMQ_HOME")
    found = [Path(named)] if named else sorted(_HOME.glob("rabbitmq_server-*"))
    usable = [home for home in found if (home / "sbin" / "rabbitmq-server").exists()]
    return usable[-1] if usable and _epmd() else None


def _epmd() -> str | None:
    kept = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    return shutil.which("epmd") or (str(kept[-1]) if kept else None)


class OwnBroker:
    """One node. `kill`, `freeze` and `thaw` go to the process ids this object started, and to nothing else."""

    def __init__(self, home: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "home").mkdir(exist_ok=True)
        (folder / "rabbitmq.conf").touch()
        (folder / "enabled_plugins").write_text("[].")
        self._sbin, self._folder = home / "sbin", folder
        self._port, distribution, names = _free_port(), _free_port(), _free_port()
        self._environment = _environment(home, folder, self._port, distribution, names)
        # Erlang would start one of its own, as a daemon that outlives us.
        self._names = self._spawn([str(_epmd()), "-address", "127.0.0.1", "-port", str(names)], "epmd.log")
        self._node: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        """Start the node; it answers on return. Raises BrokerFailed."""
        self._node = self._spawn([str(self._sbin / "rabbitmq-server")], "said.log")
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._node.poll() is not None or time.monotonic() > deadline:
                last = (self._folder / "said.log").read_text(errors="replace").splitlines()[-15:]
                raise BrokerFailed("\n".join(last))
            time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL to the node's machine (beam) and to what it started."""
        self._signal(signal.SIGKILL)
        if self._node is not None:
            self._node.wait()

    def freeze(self) -> None:
        """SIGSTOP: its ports stay open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def control(self, *command: str) -> None:
        """`rabbitmqctl` on this node. Raises BrokerFailed."""
        line = [str(self._sbin / "rabbitmqctl"), "-n", self._environment["RABBITMQ_NODENAME"], *command]
        ran = subprocess.run(line, env=self._environment, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise BrokerFailed(f"{command}: {ran.stdout}{ran.stderr}")

    def stop(self) -> None:
        """End the node and its name server. Safe to repeat."""
        if self._node is not None:
            self.thaw()
            self.kill()
        self._names.kill()
        self._names.wait()

    def _signal(self, number: int) -> None:
        if self._node is not None and self._node.poll() is None:
            # Children first: the shell that waits for them ends by itself.
            for usage in reversed(processes.tree(self._node.pid)):
                os.kill(usage.pid, number)

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as said:
            return subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    def _answers(self) -> bool:
        try:
            connect(self.url, "faults").release()
        except BROKER_ERRORS:
            return False
        return True


def _environment(home: Path, folder: Path, port: int, distribution: int, names: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"faults{os.getpid()}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
