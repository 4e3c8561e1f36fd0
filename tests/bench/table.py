"""Figures of one work, and the table of all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HEADS = ("work", "per s", "p50 ms", "p99 ms", "errors at 32", "CPU ms", "raw", "ratio", "mark", "met")
Figure = Literal["ratio", "rate", "p50", "p99"]
_WORDS = {"ratio": "{} of raw", "rate": "{}/s", "p50": "p50 {} ms", "p99": "p99 {} ms"}


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator saw in one interval: latencies in seconds of what was answered well, and what was not."""

    seconds: float
    latencies: Sequence[float]
    errors: int

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds below which `share` of the latencies lie; nan where there are none."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else math.nan


@dataclass(frozen=True, slots=True)
class Mark:
    """What a figure of a row must reach: a ratio or a rate at least, a latency (ms) at most."""

    figure: Figure
    bound: float

    def __str__(self) -> str:
        least = self.figure in ("ratio", "rate")
        words = f"{self.bound:.2f}" if self.figure == "ratio" else f"{self.bound:,.0f}"
        return _WORDS[self.figure].format(f"{'>=' if least else '<='} {words}")

    def met(self, figure: float) -> bool:
        """Nothing measured (nan) meets no mark."""
        return figure >= self.bound if self.figure in ("ratio", "rate") else figure <= self.bound


def verdict(missed: Sequence[object]) -> str:
    """Met, or which marks were missed."""
    return f"missed: {', '.join(map(str, missed))}" if missed else "met"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the platform's load, raw's load, errors of the crowd, CPU seconds of the platform.

    `kind` says which figures mean something; where only latency does, `ratio` compares the medians.
    """

    work: str
    load: Load
    raw: Load
    marks: Sequence[Mark] = ()
    kind: Literal["both", "latency", "rate"] = "both"
    crowd_errors: int | None = None
    cpu_seconds: float | None = None

    @property
    def ratio(self) -> float:
        if self.kind == "latency":
            return self.raw.percentile(0.5) / self.load.percentile(0.5)
        return self.load.rate / self.raw.rate if self.raw.rate else math.nan

    def figure(self, name: Figure) -> float:
        if name == "ratio":
            return self.ratio
        return self.load.rate if name == "rate" else self.load.percentile(0.5 if name == "p50" else 0.99)

    @property
    def missed(self) -> list[str]:
        """The marks that were not reached, with what was; an error of the crowd is one."""
        found = [(mark, self.figure(mark.figure)) for mark in self.marks]
        missed = [f"{mark} (is {figure:,.3g})" for mark, figure in found if not mark.met(figure)]
        return [*missed, *([f"no error at 32 (are {self.crowd_errors})"] if self.crowd_errors else [])]

    def cells(self) -> list[str]:
        per_request = None if self.cpu_seconds is None else self.cpu_seconds * 1000 / max(1, len(self.load.latencies))
        return [
            self.work,
            "-" if self.kind == "latency" else f"{self.load.rate:,.0f}",
            "-" if self.kind == "rate" else f"{self.load.percentile(0.5):.1f}",
            "-" if self.kind == "rate" else f"{self.load.percentile(0.99):.1f}",
            "-" if self.crowd_errors is None else str(self.crowd_errors),
            "-" if per_request is None else f"{per_request:.1f}",
            f"p50 {self.raw.percentile(0.5):.1f} ms" if self.kind == "latency" else f"{self.raw.rate:,.0f}",
            f"{self.ratio:.3f}",
            ", ".join(map(str, self.marks)),
            verdict(self.missed) if self.marks or self.crowd_errors else "",
        ]


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns, all but the first to the right."""
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    lines = [_line(cells, widths) for cells in [heads, *rows]]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], _line(rule, widths), *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join([cells[0].ljust(widths[0]), *padded[1:]])} |"
