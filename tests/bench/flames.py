"""`make flames`: where the processor time of the two hottest operations goes in procurement's web process, as SVG.

py-spy looks at the process from outside, a hundred times a second, at the thread that holds the interpreter: who waits
for the database or for a client is not counted. Where the system does not let one process look into another (containers
without SYS_PTRACE, macOS without root) it says so and draws nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.instance import ROOT
from tests.bench import flame_graph, franchise, loads, orders, works
from tests.support.platform import Platform

HOME, OUT = ROOT / ".partywall" / "flames", ROOT / "docs" / "flames"
DRAWN = {"order": "order-write", "newest": "order-list"}  # by the name of the work
_ORDERS, _SITES, _RATE, _WARM = 2_000, 8, 100, 2.0


class NotAllowed(Exception):
    """The process cannot be looked into; the message says what py-spy said."""


def main() -> int:
    """Draw both; 2 where the system does not allow it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.flames", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each operation is watched")
    parser.add_argument("--home", type=Path, default=HOME, help="folder of the watched platform")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the drawings")
    chosen = parser.parse_args()
    shutil.rmtree(chosen.home / "1", ignore_errors=True)  # what an earlier run left
    chosen.out.mkdir(parents=True, exist_ok=True)
    try:
        with Platform(chosen.home) as running:
            _draw_all(running, chosen.seconds, chosen.out)
    except NotAllowed as refusal:
        sys.stderr.write(f"No flame graph: {refusal}\n")
        return 2
    return 0


def _draw_all(platform: Platform, seconds: float, out: Path) -> None:
    network = franchise.grow(platform, _SITES)
    database = platform.database("procurement")
    orders.load(database, network, _ORDERS)
    database.close()
    for pair in works.buying(platform, network):
        if name := DRAWN.get(pair.through.name):
            stacks = _watched(platform, pair, seconds)
            title = f"{pair.name}: procurement's web process, {sum(stacks.values()):,} samples"
            (out / f"{name}.svg").write_text(flame_graph.svg(title, stacks))
            print(f"{name}.svg: {sum(stacks.values()):,} samples")


def _watched(platform: Platform, pair: works.Pair, seconds: float) -> flame_graph.Stacks:
    """What the process was seen doing while clients repeat the work."""
    begun = threading.Event()

    def begin() -> float:
        begun.set()
        return 0.0

    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(loads.run, pair.through, works.CLIENTS, _WARM, seconds + 2, begin)
        while not begun.wait(0.1) and not load.done():
            pass
        stacks = watch(platform.state["pids"]["procurement-web"], seconds)
        if not load.result()[0].latencies:
            raise RuntimeError(f"nothing was answered: {pair.name}")
    return stacks


def watch(pid: int, seconds: float) -> flame_graph.Stacks:
    """The stacks of a process and its children for so long. Raises NotAllowed."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "stacks"
        options = ["--pid", str(pid), "--subprocesses", "--gil", "--function", "--rate", str(_RATE), "--format", "raw"]
        command = [_py_spy(), "record", *options, "--duration", str(max(1, round(seconds))), "--output", str(seen)]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if ran.returncode or not seen.exists():
            raise NotAllowed((ran.stderr.strip() or ran.stdout.strip()).partition("\n")[0])
        return flame_graph.read(seen.read_text())


def _py_spy() -> str:
    """The program beside this Python, or else anywhere. Raises NotAllowed."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise NotAllowed("py-spy is not installed")
    return found


if __name__ == "__main__":
    sys.exit(main())
