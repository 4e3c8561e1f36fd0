"""What was tried, what was refused, what leaked: counted by operation (or table) and case, and shown as tables."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Count:
    """One cell."""

    tried: int = 0
    refused: int = 0
    leaked: int = 0


@dataclass
class Tally:
    """All of one layer. `leaks` says each leak in a line."""

    layer: str
    cells: dict[tuple[str, str], Count] = field(default_factory=lambda: defaultdict(Count))
    leaks: list[str] = field(default_factory=list)

    def note(self, subject: str, case: str, leak: str | None) -> None:
        """One attempt; `leak` says what was wrong, None where it was refused or found nothing."""
        cell = self.cells[subject, case]
        cell.tried += 1
        if leak is None:
            cell.refused += 1
        else:
            cell.leaked += 1
            self.leaks.append(f"{self.layer} | {subject} | {case} | {leak}")

    @property
    def subjects(self) -> set[str]:
        return {subject for subject, _ in self.cells}

    @property
    def tried(self) -> int:
        return sum(cell.tried for cell in self.cells.values())

    def summary(self) -> list[tuple[str, ...]]:
        """Case, subjects, tried, refused, leaked."""
        return [self._sum(case) for case in self._cases()]

    def _sum(self, case: str) -> tuple[str, ...]:
        cells = [(subject, cell) for (subject, one), cell in self.cells.items() if one == case]
        figures = (
            len({subject for subject, _ in cells}),
            *(sum(getattr(cell, what) for _, cell in cells) for what in ("tried", "refused", "leaked")),
        )
        return (self.layer, case, *(f"{figure:,}" for figure in figures))

    def _cases(self) -> list[str]:
        return list(dict.fromkeys(case for _, case in self.cells))

    def table(self) -> str:
        """Subjects down, cases across; a cell says how often it was tried, and with a ! how often it leaked."""
        cases = self._cases()
        rows = [
            (subject, *(_cell(self.cells.get((subject, case))) for case in cases)) for subject in sorted(self.subjects)
        ]
        return markdown((self.layer, *cases), rows)


def _cell(count: Count | None) -> str:
    if count is None:
        return "-"
    return f"{count.tried} !{count.leaked}" if count.leaked else str(count.tried)


def markdown(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """An aligned table."""
    lines = [tuple(heads), *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    shown.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(shown)
