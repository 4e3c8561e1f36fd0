"""Keyset pages: a stable order, an opaque cursor, no offset and no count."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Row, Select, bindparam, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.db import Base
from shared.errors import Invalid

MAX_LIMIT = 200
_AFTER = "after_{}"
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
    """One page of the objects of `query`, by `keys` (non-null columns, the last one unique). Raises BadCursor."""
    if cursor is not None:
        after = _decode(cursor, keys)
        query = query.where(tuple_(*keys) < after if descending else tuple_(*keys) > after)
    ordered = query.order_by(*((key.desc() if descending else key.asc()) for key in keys)).limit(limit + 1)
    return _cut(list(session.execute(ordered).unique().scalars()), keys, limit)


def page_of_rows(
    session: Session,
    model: type[Base],
    names: tuple[str, ...],
    keys: list[InstrumentedAttribute[Any]],
    equal: Mapping[str, Any],
    *,
    limit: int,
    cursor: str | None = None,
    descending: bool = True,
) -> Page[Row[Any]]:
    """One page of plain rows of `model`'s table, at a third of the cost of objects: the columns `names` (`keys` among
    them) of the rows whose columns have the values of `equal` (None: any value). Raises BadCursor."""
    values = {name: value for name, value in equal.items() if value is not None}
    by = tuple(key.key for key in keys)
    statement = _statement(model, names, by, tuple(values), cursor is not None, descending)
    if cursor is not None:
        values |= zip(map(_AFTER.format, by), _decode(cursor, keys), strict=True)
    found = session.connection().execute(statement, values | {"most": limit + 1})
    return _cut(list(found.all()), keys, limit)


@cache
def _statement(
    model: type[Base],
    names: tuple[str, ...],
    keys: tuple[str, ...],
    equal: tuple[str, ...],
    continued: bool,
    descending: bool,
) -> Select[Any]:
    """Made once for each shape; building it for every page costs more than PostgreSQL's work does."""
    columns = model.__table__.columns
    by = [columns[key] for key in keys]
    query = select(*(columns[name] for name in names)).where(*(columns[name] == bindparam(name) for name in equal))
    if continued:
        place, after = tuple_(*by), tuple_(*(bindparam(_AFTER.format(key.key), type_=key.type) for key in by))
        query = query.where(place < after if descending else place > after)
    return query.order_by(*(key.desc() if descending else key.asc() for key in by)).limit(bindparam("most"))


def _cut(rows: list[Any], keys: list[InstrumentedAttribute[Any]], limit: int) -> Page[Any]:
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
