"""Run a work with so many clients for so long, in a generator process for each core, and gather what they saw."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deploy.local.instance import ROOT
from tests.bench.table import Load

_START_SECONDS = 1.5  # a generator imports and connects before it warms up


@dataclass(frozen=True, slots=True)
class Work:
    """Something to repeat: `module.name(client number, **options)` gives the step of one client."""

    module: str
    name: str
    options: dict[str, Any]


def run(
    work: Work, clients: int, warm: float, seconds: float, probe: Callable[[], float] = time.monotonic
) -> tuple[Load, float]:
    """The load, and by how much `probe` grew meanwhile (the platform's processor seconds)."""
    begin = time.time() + _START_SECONDS + warm
    generators = min(os.cpu_count() or 1, clients)
    job = {"module": work.module, "work": work.name, "options": work.options, "begin": begin, "end": begin + seconds}
    started = [_start({**job, "clients": list(range(first, clients, generators))}) for first in range(generators)]
    time.sleep(max(0.0, begin - time.time()))
    before = probe()
    time.sleep(max(0.0, begin + seconds - time.time()))
    grown = probe() - before
    return _gather(started, seconds, work), grown


def _start(job: dict[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.generator"]
    generator = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert generator.stdin is not None
    generator.stdin.write(json.dumps(job).encode())
    generator.stdin.close()
    generator.stdin = None
    return generator


def _gather(generators: list[subprocess.Popen[bytes]], seconds: float, work: Work) -> Load:
    latencies: list[float] = []
    errors: list[str] = []
    for generator in generators:
        told = json.loads(generator.communicate()[0])
        latencies += told["latencies"]
        errors += told["errors"]
    for words, count in Counter(errors).most_common(3):
        sys.stderr.write(f"  {work.module.rpartition('.')[2]}.{work.name}: {count} x {words}\n")
    return Load(seconds, latencies, len(errors))
