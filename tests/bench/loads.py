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
    generators = min(os.cpu_count() or 1, clients)
    job = {"module": work.module, "work": work.name, "options": work.options}
    started = [_start({**job, "clients": list(range(first, clients, generators))}) for first in range(generators)]
    begin = _begin(started, warm, seconds)
    time.sleep(max(0.0, begin - time.time()))
    before = probe()
    time.sleep(max(0.0, begin + seconds - time.time()))
    grown = probe() - before
    return _gather(started, seconds, work), grown


def _start(job: dict[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.bench.generator"]
    generator = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert generator.stdin is not None
    generator.stdin.write(f"{json.dumps(job)}\n".encode())
    generator.stdin.flush()
    return generator


def _begin(generators: list[subprocess.Popen[bytes]], warm: float, seconds: float) -> float:
    """Let all begin together as soon as the last has imported what it needs and connected; when the warm-up ends."""
    for generator in generators:
        assert generator.stdout is not None
        if generator.stdout.readline() != b"ready\n":
            raise RuntimeError("a load generator did not start")
    begin = time.time() + warm
    for generator in generators:
        assert generator.stdin is not None
        generator.stdin.write(json.dumps({"begin": begin, "end": begin + seconds}).encode() + b"\n")
        generator.stdin.close()
        generator.stdin = None
    return begin


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
