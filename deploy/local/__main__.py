"""`python -m deploy.local run|demo|prometheus|command`: the platform on this machine, and what goes with it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from deploy.demo import story
from deploy.demo.client import Refused
from deploy.demo.stage import StoryBroken
from deploy.local import instance, prometheus, run

_USAGE = "usage: python -m deploy.local run | demo | prometheus | command SERVICE ARGUMENT..."


def _running() -> dict[str, Any]:
    """The state of the running platform: the first, where several run from this folder."""
    found = instance.running()
    if not found:
        sys.exit("No platform runs from this folder. Start one with `make run` and wait until it is ready.")
    return found[0]


def _demo() -> int:
    """Tell the demo story on the running platform. 1 when an answer was not as it must be."""
    state = _running()
    try:
        story.tell(Path(state["folder"]), lambda words: print(words, flush=True), state["gateway"])
    except (StoryBroken, Refused, HTTPError) as broken:
        sys.stderr.write(f"\nThe story stops here: {broken}\n")
        return 1
    return 0


def _command(arguments: list[str]) -> int:
    """Run a service's own command, or `verify`/`reconcile SERVICE`, with the settings of the running platform."""
    state = _running()
    peers = ",".join(f"{service}=http://127.0.0.1:{port}" for service, port in state["ports"].items())
    chosen = arguments if arguments[0] in ("verify", "reconcile") else ["command", *arguments]
    command = [sys.executable, "-m", "services", *chosen]
    environment = {**os.environ, **state["settings"], "PEERS": peers}
    return subprocess.run(command, cwd=instance.ROOT, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    """Run the command the arguments name."""
    match arguments:
        case ["run"]:
            return run.main()
        case ["demo"]:
            return _demo()
        case ["prometheus"]:
            return prometheus.main(_running())
        case ["command", *rest] if rest:
            return _command(rest)
    sys.stderr.write(f"{_USAGE}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
