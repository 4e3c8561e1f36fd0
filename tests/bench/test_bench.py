"""The benchmark at a small size: it prints every line, each with numbers. Nothing here is timed."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.instance import ROOT
from tests.bench.table import Load, Row, markdown

WORKS = ("create + submit", "newest 50", "spend", "invoice + post + pay", "commit to effect", "through the relay")
TINY = {"sites": 4, "orders": 40, "charges": 640, "seconds": 1, "warm": 0.5, "effects": 3, "relayed": 50}


@pytest.mark.whole_system
def test_a_tiny_run_prints_every_work_with_figures_of_both_sides(tmp_path: Path) -> None:
    sizes = [f"--{name}={value}" for name, value in TINY.items()]
    command = [sys.executable, "-m", "tests.bench", f"--home={tmp_path / 'home'}", *sizes]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = [line for line in ran.stdout.splitlines() if line.startswith("|")]
    for work in WORKS:
        cells = next(line for line in lines if work in line).strip("| ").split(" | ")
        figures = [float(found.replace(",", "")) for found in re.findall(r"[0-9][0-9,.]*", " ".join(cells[1:8]))]
        assert len(figures) >= 3 and float(cells[7]) > 0, cells
    assert sum("-web" in line or "-worker" in line for line in lines) == 8
    assert re.search(r"Second start: ready after [0-9.]+ s", ran.stdout)


def test_a_load_without_answers_has_no_percentile() -> None:
    assert math.isnan(Load(1.0, [], 3).percentile(0.5))


def test_percentiles_are_milliseconds_of_the_sorted_latencies() -> None:
    load = Load(2.0, [0.004, 0.001, 0.003, 0.002], 0)
    assert (load.rate, load.percentile(0.5), load.percentile(0.99)) == (2.0, 3.0, 4.0)


def test_a_row_says_processor_time_per_answered_request_and_its_ratio() -> None:
    row = Row("work", Load(1.0, [0.001] * 10, 0), Load(1.0, [0.001] * 40, 0), crowd_errors=2, cpu_seconds=0.05)
    assert row.cells()[4:8] == ["2", "5.0", "40", "0.250"]


def test_a_table_is_aligned() -> None:
    assert markdown(("a", "bc"), [("longer", "1")]) == "| a      | bc |\n| ------ | -: |\n| longer |  1 |"
