"""Keyset pages: a stable order, an opaque cursor, no offset and no count."""

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.errors import Invalid

MAX_LIMIT = 200
_Row = TypeVar("_Row")


class BadCursor(Invalid):
    """This cursor does not belong to this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[_Row]):
    """Some rows and, when there are more, the cursor of the next page."""

    items: list[_Row]
    next: str | None


def page(
    session: Session,
    query: Select[Any],
    keys: list[InstrumentedAttribute[Any]],
    *,
    limit: int,
    cursor: str | None = None,
    descending: bool = True,
) -> Page[_Row]:
    """One page of `query`, ordered by `keys` (non-null columns, the last one unique). Raises BadCursor.

    The items are objects where `query` selects a class, and plain rows, at half the cost, where it selects columns.
    """
    if cursor is not None:
        after = _decode(cursor, keys)
        query = query.where(tuple_(*keys) < after if descending else tuple_(*keys) > after)
    plain = len(query.column_descriptions) > 1
    # Columns of the table, not attributes of the class: the object mapper has nothing to do for plain rows.
    by: list[Any] = [key.property.columns[0] for key in keys] if plain else keys
    ordered = query.order_by(*((key.desc() if descending else key.asc()) for key in by)).limit(limit + 1)
    found = session.execute(ordered)
    rows: list[Any] = list(found if plain else found.unique().scalars())
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, _encode([getattr(rows[-1], key.key) for key in keys]) if more else None)


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _decode(cursor: str, keys: list[InstrumentedAttribute[Any]]) -> tuple[Any, ...]:
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(keys):
            raise BadCursor("Start again from the first page.")
        return tuple(msgspec.convert(value, _type(key), strict=False) for value, key in zip(values, keys, strict=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadCursor("Start again from the first page.") from error


def _type(key: InstrumentedAttribute[Any]) -> Any:
    python = key.type.python_type
    return python if python in (UUID, datetime, date, Decimal, int, str) else str
