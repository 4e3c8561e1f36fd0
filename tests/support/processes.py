"""What a tree of processes costs, read from /proc: processor time and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """One process. `cpu` counts its ended children too (seconds), `rss` is its resident memory (bytes)."""

    pid: int
    parent: int
    cpu: float
    rss: int


def tree(root: int) -> list[Usage]:
    """`root` and everything it started that still runs."""
    everybody = {usage.pid: usage for usage in map(_usage, _pids()) if usage is not None}
    members = {root}
    # A child may have a lower number than its parent: repeat until nobody is added.
    while found := {u.pid for u in everybody.values() if u.parent in members} - members:
        members |= found
    return [everybody[pid] for pid in sorted(members) if pid in everybody]


def cpu_seconds(roots: list[int]) -> float:
    """Processor time of these trees since they began."""
    return sum(usage.cpu for root in roots for usage in tree(root))


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _usage(pid: int) -> Usage | None:
    try:
        # The name in parentheses may hold anything, blanks too.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = sum(int(field) for field in fields[11:15])
    return Usage(pid, int(fields[1]), ticks / _TICKS, int(fields[21]) * _PAGE)
