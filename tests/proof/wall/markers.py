"""What must not be seen: ids, names and numbers of rows that the one who looks has no part in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.db import Base
from tests.proof.wall.rows import Row

ROOT = Path(__file__).resolve().parents[3]
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Words that are the product's own wherever they stand: API documents, the code with its policies, the rules dataset.
_OWN_WORDS = (
    "docs/openapi.json",
    "services/**/*.py",
    "shared/**/*.py",
    "services/**/*.cedar",
    "services/gateway/rules/data/*/*.yaml",
)
_LEAST = 6
# Ids are compared as ids; times, amounts and pointers into a request mean nothing about anybody.
_MEANINGLESS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}$|\d{4}-\d\d-\d\d|-?[0-9.]+$|/")
_PLAIN_WORD = re.compile(r"[a-z_.]+")


@dataclass(frozen=True)
class Markers:
    """Ids and texts, any of which in an answer is a leak."""

    ids: frozenset[str]
    texts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.ids or self.texts)

    def found(self, text: str, sent: Iterable[str] = ()) -> str | None:
        """The first marker in `text` that the caller did not send."""
        said = " ".join(sent)
        for one in _ID.findall(text):
            if one in self.ids and one not in said:
                return str(one)
        return next((one for one in self.texts if one in text and one not in said), None)


class Vocabulary:
    """Text that means nothing about anybody."""

    @cached_property
    def words(self) -> str:
        return "\n".join(path.read_text() for pattern in _OWN_WORDS for path in sorted(ROOT.glob(pattern)))

    def distinctive(self, text: str) -> bool:
        return len(text) >= _LEAST and not _PLAIN_WORD.fullmatch(text) and text not in self.words


VOCABULARY = Vocabulary()


def of_rows(theirs: Iterable[Row], ours: Iterable[Row], *, every_id: bool) -> Markers:
    """Markers of `theirs` that do not stand in `ours`. `every_id`: all ids in them, not only their own."""
    mine, kept = list(ours), list(theirs)
    ids = set().union(*(_ids(row) if every_id else {row.key} for row in kept)) - {""}
    ids -= set().union(*(_ids(row) if every_id else {row.key} for row in mine))
    texts = set().union(*map(_texts, kept)) - set().union(*map(_texts, mine))
    return Markers(frozenset(ids), tuple(sorted(filter(VOCABULARY.distinctive, texts))))


def _ids(row: Row) -> set[str]:
    return {str(value) for value in row.values.values() if isinstance(value, UUID)} | {
        str(one) for value in row.values.values() if isinstance(value, list) for one in value if isinstance(one, UUID)
    }


def _texts(row: Row) -> set[str]:
    columns = Base.metadata.tables[row.table].columns
    return {text for name, value in row.values.items() if name in columns for text in _strings(value)}


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return () if _MEANINGLESS.match(value) else (value,)
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return ()
