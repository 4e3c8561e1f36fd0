"""CSV in and out: strict rows with their numbers, typed cells, and nothing that a spreadsheet would run."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from shared.errors import Invalid

MOST_ROWS = 5000
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False, "": False}


class UnreadableFile(Invalid):
    """This is not a CSV file in UTF-8 with the right columns."""


class BadCell(Exception):
    """A cell cannot be read; `column` and `detail` say which and why."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.detail = column, detail


@dataclass
class Report:
    """What an import found: errors by row, and how many rows of each subject it creates, updates, leaves alone."""

    rows: int = 0
    errors: list[dict[str, object]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def refuse(self, row: int, column: str, detail: str) -> None:
        self.errors.append({"row": row, "column": column, "detail": detail})

    def count(self, subject: str, outcome: str) -> None:
        counted = self.counts.setdefault(subject, {"created": 0, "updated": 0, "unchanged": 0})
        counted[outcome] += 1


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `number` as a spreadsheet shows it (the header is row 1)."""

    number: int
    cells: dict[str, str]

    def text(self, column: str, *, longest: int = 200) -> str | None:
        value = self.cells.get(column, "")
        if len(value) > longest:
            raise BadCell(column, f"At most {longest} characters.")
        if any(ord(c) < 32 and c != "\n" for c in value):
            raise BadCell(column, "No control characters.")
        return value or None

    def required(self, column: str, *, longest: int = 200) -> str:
        value = self.text(column, longest=longest)
        if value is None:
            raise BadCell(column, "It is missing.")
        return value

    def choice(self, column: str, choices: Iterable[str], default: str | None = None) -> str:
        value = self.text(column) or default
        known = [str(choice) for choice in choices]
        if value not in known:
            raise BadCell(column, f"One of {', '.join(known)}.")
        return value

    def flag(self, column: str) -> bool:
        value = self.cells.get(column, "").lower()
        if value not in _BOOLEANS:
            raise BadCell(column, "yes or no.")
        return _BOOLEANS[value]

    def price(self, column: str) -> Decimal:
        value = self.cells.get(column, "")
        if not _PRICE.fullmatch(value):
            raise BadCell(column, "A number with at most four decimals, like 12.50.")
        return Decimal(value)

    def day(self, column: str) -> date | None:
        value = self.cells.get(column, "")
        try:
            return date.fromisoformat(value) if value else None
        except ValueError as error:
            raise BadCell(column, "A date like 2026-01-31.") from error

    def whole(self, column: str, default: int, most: int) -> int:
        value = self.cells.get(column, "") or str(default)
        if not re.fullmatch(r"[0-9]{1,6}", value) or int(value) > most:
            raise BadCell(column, f"A whole number up to {most}.")
        return int(value)


def read(content: bytes, columns: Sequence[str], needed: Sequence[str]) -> list[Row]:
    """The rows of a file (UTF-8, with or without BOM; columns in any order). Raises UnreadableFile."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, columns, needed)
        return list(_rows(reader, header))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(str(error)) from error


def _check_header(header: list[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    unknown = sorted(set(header) - set(columns))
    missing = [name for name in needed if name not in header]
    if unknown or missing or len(set(header)) != len(header):
        raise UnreadableFile(
            f"The first row names the columns, each once: {', '.join(columns)}. "
            f"Missing: {', '.join(missing) or 'none'}. Unknown: {', '.join(unknown) or 'none'}."
        )


def _rows(reader: Iterable[list[str]], header: list[str]) -> Iterator[Row]:
    for number, cells in enumerate(reader, start=2):
        if number > MOST_ROWS + 1:
            raise UnreadableFile(f"At most {MOST_ROWS} rows in one file.")
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise UnreadableFile(f"Row {number} has {len(cells)} cells, the first row {len(header)}.")
        yield Row(number, {name: armed(cell.strip()) for name, cell in zip(header, cells, strict=True)})


def write(columns: Sequence[str], rows: Iterable[dict[str, object]]) -> str:
    """A CSV file with these columns."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([disarmed(_cell(row.get(column))) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def disarmed(text: str) -> str:
    """A cell that no spreadsheet runs as a formula: an apostrophe before =, +, -, @ (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith((*_RUN_BY_SPREADSHEETS, "'")) else text


def armed(text: str) -> str:
    """The cell as it was before `disarmed`."""
    return text[1:] if text.startswith("'") and text[1:].startswith((*_RUN_BY_SPREADSHEETS, "'")) else text
