"""The benchmark at a small size: it prints every line, each with numbers. Nothing here is timed."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.instance import ROOT
from tests.bench import growth, spread
from tests.bench.table import Load, Mark, Row, markdown

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
        cells = next(line for line in lines if work in line)[2:-2].split(" | ")
        figures = [float(found.replace(",", "")) for found in re.findall(r"[0-9][0-9,.]*", " ".join(cells[1:8]))]
        assert len(figures) >= 3 and float(cells[7]) > 0, cells
        assert cells[9].strip().startswith(("met", "missed: ")) or not cells[8].strip(), cells
    assert sum("-web" in line or "-worker" in line for line in lines) == 8
    assert re.search(r"Second start: ready after [0-9.]+ s", ran.stdout)


@pytest.mark.whole_system
def test_a_tiny_growth_prints_every_step_both_sides_of_the_wall_and_every_start(tmp_path: Path) -> None:
    options = ["--steps=1:30,3:90", "--works=order,newest", "--seconds=0.5", "--rounds=1", "--starts=1"]
    command = [sys.executable, "-m", "tests.bench.growth", f"--home={tmp_path / 'home'}", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    grown, walled, spreads = (block.splitlines()[2:] for block in ran.stdout.split("\n\n") if block.startswith("|"))
    sizes = [tuple(cell.strip() for cell in line.split("|")[2:4]) for line in grown]
    assert sizes == [("1", "30"), ("3", "90")] * 2
    assert [line.split("|")[9].strip() for line in grown][::2] == ["1.00", "1.00"]
    assert len(walled) == 2 and len(spreads) == 1


def _measured(cost: float) -> growth.Measured:
    return growth.Measured("work", 1, 10, Load(1.0, [0.001], 0), cost)


def test_growth_is_cost_over_that_of_the_works_first_step() -> None:
    lines = growth.table([_measured(2.0), _measured(2.5), _measured(2.7)])
    assert [line[8] for line in lines] == ["1.00", "1.25", "1.35"]
    assert [line[10] for line in lines] == ["met", "met", "missed: 1.35"]


def test_a_worker_with_more_than_a_fair_share_and_two_is_told() -> None:
    assert spread.line(1, [6, 2])[-1] == "met"
    assert spread.line(1, [7, 1])[-1] == "missed: 7"


@pytest.mark.parametrize(
    ("mark", "words", "met", "missed"),
    [
        (Mark("ratio", 0.2), ">= 0.20 of raw", 0.2, 0.199),
        (Mark("rate", 5000), ">= 5,000/s", 5000, 4999),
        (Mark("p99", 50), "p99 <= 50 ms", 50, 50.1),
    ],
)
def test_a_mark_is_a_bound(mark: Mark, words: str, met: float, missed: float) -> None:
    assert (str(mark), mark.met(met), mark.met(missed), mark.met(math.nan)) == (words, True, False, False)


def test_a_row_names_the_marks_it_misses_and_the_errors_of_the_crowd() -> None:
    load, marks = Load(1.0, [0.060] * 10, 0), (Mark("ratio", 0.2), Mark("p99", 50))
    row = Row("work", load, Load(1.0, [0.001] * 40, 0), marks, crowd_errors=2)
    assert row.cells()[-1] == "missed: p99 <= 50 ms (is 60), no error at 32 (are 2)"
    assert Row("work", load, Load(1.0, [0.1], 0), marks[:1], crowd_errors=0).cells()[-1] == "met"


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
