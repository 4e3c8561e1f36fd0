"""Figures of one work, and the table of all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HEADS = ("work", "per s", "p50 ms", "p99 ms", "errors at 32", "CPU ms", "raw", "ratio", "mark")


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
class Row:
    """One line of the table: the platform's load, raw's load, errors of the crowd, CPU seconds of the platform.

    `kind` says which figures mean something; where only latency does, `ratio` compares the medians.
    """

    work: str
    load: Load
    raw: Load
    mark: str
    kind: Literal["both", "latency", "rate"] = "both"
    crowd_errors: int | None = None
    cpu_seconds: float | None = None

    @property
    def ratio(self) -> float:
        if self.kind == "latency":
            return self.raw.percentile(0.5) / self.load.percentile(0.5)
        return self.load.rate / self.raw.rate if self.raw.rate else math.nan

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
            self.mark,
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
