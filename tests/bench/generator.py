"""A load generator as a process of its own: closed loop, kept connections, as light as can be.

`python -m tests.bench.generator` reads a job from the first line of standard input, says when it is ready, reads from
the second when to begin and to end, and writes what it saw. All are JSON.
"""

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from itertools import chain

Step = Callable[[], None]


class Failed(Exception):
    """A step was not answered as it must be."""


def main() -> None:
    """Do the job {module, work, clients, options} at {begin, end}; times are POSIX. `begin` ends the warm-up."""
    job = json.loads(sys.stdin.readline())
    make = getattr(importlib.import_module(job["module"]), job["work"])
    steps: list[Step] = [make(number, **job["options"]) for number in job["clients"]]
    print("ready", flush=True)
    times = json.loads(sys.stdin.readline())
    seen: list[list[float]] = [[] for _ in steps]
    errors: list[list[str]] = [[] for _ in steps]
    threads = [
        threading.Thread(target=_repeat, args=(step, times["begin"], times["end"], seen[i], errors[i]))
        for i, step in enumerate(steps)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump({"latencies": list(chain(*seen)), "errors": list(chain(*errors))}, sys.stdout)


def _repeat(step: Step, begin: float, end: float, seen: list[float], errors: list[str]) -> None:
    while (started := time.time()) < end:
        counts = started >= begin
        before = time.perf_counter()
        try:
            step()
        except Exception as error:  # the loop goes on, and the table tells how often
            if counts:
                errors.append(f"{type(error).__name__}: {error}"[:300])
            time.sleep(0.01)
        else:
            if counts:
                seen.append(time.perf_counter() - before)


if __name__ == "__main__":
    main()
