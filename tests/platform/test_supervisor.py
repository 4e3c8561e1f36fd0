"""Processes of one machine: what a crash, a warning, a stop and a killed launcher do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.processes import port_of, reserve
from deploy.local.supervisor import Process, ProcessFailed, Supervisor
from shared import inbox
from shared.ops import serve_ops
from tests.support.patience import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    running = Supervisor(said.append)
    yield running
    running.stop(within=1)


def make_process(folder: Path, code: str, name: str = "billing-worker", *, sockets: tuple[int, ...] = ()) -> Process:
    """A process that runs `code` and is ready when it has written the file NAME.ready."""
    ready = folder / f"{name}.ready"
    code = f"import os, pathlib, signal, sys, time\nready = pathlib.Path({str(ready)!r}).touch\n{code}"
    log = folder / f"{name}.log"
    log.touch()
    return Process(name, [sys.executable, "-c", code], dict(os.environ), log, ready.exists, sockets)


def test_a_crashed_process_is_reported_and_started_again(
    tmp_path: Path, supervisor: Supervisor, said: list[str]
) -> None:
    process = make_process(tmp_path, "print('out of paper', flush=True); ready(); time.sleep(60)")
    supervisor.start(process)
    supervisor.wait_until_ready(20)
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert until(lambda: process.pid is None)
    supervisor.watch()
    assert process.pid not in (None, first)
    assert "billing-worker ended unexpectedly (exit code -9)" in said[0]
    assert "    out of paper" in said[0]


def test_a_process_that_ended_is_not_ready_whoever_answers_in_its_place(tmp_path: Path, supervisor: Supervisor) -> None:
    process = make_process(tmp_path, "print('no port', flush=True); sys.exit(1)")
    process.ready = lambda: True
    supervisor.start(process)
    assert until(lambda: process.pid is None)
    assert not process.becomes_ready()
    with pytest.raises(ProcessFailed, match="no port"):
        supervisor.wait_until_ready(20)


def test_a_reserved_port_is_given_to_nobody_but_who_asks_for_it() -> None:
    with ExitStack() as stack:
        ours = {port_of(stack.enter_context(reserve())) for _ in range(16)}
        assert len(ours) == 16
        for _ in range(500):
            other = stack.enter_context(socket.socket())
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", 0))
            assert port_of(other) not in ours
        for port in ours:
            for _ in range(2):  # also when it is started again
                server = serve_ops("127.0.0.1", port, dict, dict, lambda: None)
                server.shutdown()
                server.server_close()


def test_a_process_that_crashes_at_the_start_ends_the_run_with_its_last_lines(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(make_process(tmp_path, "sys.exit('the printer is on fire')"))
    with pytest.raises(ProcessFailed, match=r"exit code 1(.|\n)*the printer is on fire"):
        supervisor.wait_until_ready(20)


def test_a_process_that_keeps_crashing_ends_the_run(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> None:
    process = make_process(tmp_path, "ready(); time.sleep(0.2); sys.exit('again')")
    supervisor.start(process)
    supervisor.wait_until_ready(20)

    def crash() -> None:
        assert until(lambda: process.pid is None)
        supervisor.watch()

    survived = 1 + inbox.ATTEMPTS + 1 + 2  # a poisonous event with its batch, alone, at its first retry; two others
    for _ in range(survived):
        crash()
    with pytest.raises(ProcessFailed, match="again"):
        crash()
    assert len(said) == survived


def test_a_process_that_never_becomes_ready_ends_the_run(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(make_process(tmp_path, "print('still thinking', flush=True); time.sleep(60)"))
    with pytest.raises(ProcessFailed, match=r"billing-worker is not ready(.|\n)*still thinking"):
        supervisor.wait_until_ready(2)


def test_the_terminal_shows_warnings_and_nothing_else(tmp_path: Path, supervisor: Supervisor, said: list[str]) -> None:
    lines = [
        '{"level": "info", "event": "all well"}',
        '{"level": "warning", "event": "loop waits", "where": "shared.loop", "process": "bus", "seconds": 1.6}',
        "ERROR pool",
        "7",
        '"level"',
    ]
    go = tmp_path / "go"
    wait = f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)"
    code = f"print('ERROR not yet there', flush=True)\nready()\n{wait}\nprint({os.linesep.join(lines)!r}, flush=True)"
    process = make_process(tmp_path, f"{code}\ntime.sleep(60)")
    supervisor.start(process)
    supervisor.wait_until_ready(20)
    go.touch()
    assert until(lambda: lines[-1] in process.log.read_text())
    supervisor.watch()
    assert said == ["billing-worker: warning: loop waits, process bus, seconds 1.6", "billing-worker: ERROR pool"]
    supervisor.watch()
    assert len(said) == 2


def test_the_door_closes_before_the_rooms_behind_it(tmp_path: Path, supervisor: Supervisor) -> None:
    code = (
        "def end(*_):\n    time.sleep({pause})\n    open({order!r}, 'a').write({name!r} + ' ')\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nready()\ntime.sleep(60)"
    )
    order = tmp_path / "order"
    for name, pause in (("gateway-web", 0.5), ("hr-web", 0), ("hr-worker", 0)):
        supervisor.start(make_process(tmp_path, code.format(order=str(order), name=name, pause=pause), name))
    supervisor.wait_until_ready(20)
    supervisor.stop()
    first, *others = order.read_text().split()
    assert (first, sorted(others)) == ("gateway-web", ["hr-web", "hr-worker"])


def test_a_process_deaf_to_the_stop_is_killed(tmp_path: Path, supervisor: Supervisor) -> None:
    process = make_process(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); time.sleep(60)")
    supervisor.start(process)
    supervisor.wait_until_ready(20)
    began = time.monotonic()
    supervisor.stop(within=0.5)
    assert process.pid is None
    assert time.monotonic() - began < 5


def test_the_terminals_interrupt_does_not_reach_the_processes(tmp_path: Path, supervisor: Supervisor) -> None:
    process = make_process(tmp_path, "ready(); time.sleep(60)")
    supervisor.start(process)
    supervisor.wait_until_ready(20)
    assert process.pid is not None
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_process_serves_on_the_socket_it_was_given_also_after_a_crash(tmp_path: Path, supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        code = (
            f"import socket\ns = socket.socket(fileno={opened.fileno()})\nready()\n"
            "c, _ = s.accept()\nc.sendall(str(os.getpid()).encode())\nc.close()"
        )
        process = make_process(tmp_path, code, sockets=(opened.fileno(),))
        supervisor.start(process)
        supervisor.wait_until_ready(20)
        pids = []
        for _ in range(2):
            with socket.create_connection(opened.getsockname(), timeout=20) as client:
                pids.append(int(client.recv(20)))
            assert until(lambda: process.pid is None)
            supervisor.watch()
        assert pids[0] != pids[1]


@pytest.mark.parametrize("interrupts", ["SIG_DFL", "SIG_IGN"])  # ignored: a job in a shell's background
def test_the_processes_end_with_a_killed_launcher(tmp_path: Path, interrupts: str) -> None:
    code = f"""
import signal, sys, time
signal.signal(signal.SIGINT, signal.{interrupts})
from pathlib import Path
from tests.platform.test_supervisor import make_process
from deploy.local.supervisor import Supervisor
supervisor = Supervisor(print)
process = make_process(Path({str(tmp_path)!r}), "ready(); time.sleep(600)")
supervisor.start(process)
supervisor.wait_until_ready(20)
print(process.pid, flush=True)
time.sleep(600)
"""
    launcher = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    with launcher.stdout as output:
        pid = int(output.readline())
    launcher.kill()
    launcher.wait()
    assert until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a dead entry that nobody has collected."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
