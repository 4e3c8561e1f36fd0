"""A row for a table that has none: values by column type, mended by what the database objects to."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg.errors
from sqlalchemy import Column, Table, TypeDecorator, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.ids import new_id

_TRIES = 12
_QUOTED = re.compile(r"'([^']*)'")


class CannotMake(Exception):
    """No row could be made up; the demo story has to make one."""


def insert_row(session: Session, table: Table, ground: dict[str, Any]) -> dict[str, Any]:
    """Insert one made-up row. `ground` gives columns by name (organization_id, location_id...). Raises CannotMake."""
    values = {
        column.name: _first(session, column, ground)
        for column in table.columns
        if column.identity is None and not (column.nullable and column.name not in ground)
    }
    objection = ""
    for attempt in range(_TRIES):
        try:
            with session.begin_nested():
                session.execute(insert(table).values(values))
            return values
        except DBAPIError as error:
            objection = str(error.orig).splitlines()[0]
            if not _mended(session, table, values, error.orig, attempt):
                break
    raise CannotMake(f"{table.name}: {objection}")


def _first(session: Session, column: Column[Any], ground: dict[str, Any]) -> Any:
    if column.name in ground:
        return ground[column.name]
    for key in column.foreign_keys:
        found = session.execute(select(key.column).limit(1)).scalar()
        if found is not None:
            return found
    return plain(column)


def plain(column: Column[Any]) -> Any:
    """A harmless value of a column's type."""
    kind = _python_type(column)
    now = datetime.now(UTC)
    simple: dict[Any, Any] = {
        UUID: new_id(), str: f"made up {column.name}", int: 1, Decimal: Decimal(1), bool: False, datetime: now,
        date: now.date(), bytes: b"made up", dict: {}, list: [],
    }  # fmt: skip
    return simple.get(kind, f"made up {column.name}")


def _python_type(column: Column[Any]) -> Any:
    if isinstance(column.type, TypeDecorator):  # money and prices
        return Decimal
    try:
        return column.type.python_type
    except NotImplementedError:
        return dict


def _mended(session: Session, table: Table, values: dict[str, Any], objection: Any, attempt: int) -> bool:
    """Change `values` where the database objects; False where nobody knows how."""
    name = objection.diag.constraint_name
    if isinstance(objection, psycopg.errors.NotNullViolation):
        column = table.columns[str(objection.diag.column_name)]
        values[column.name] = plain(column)
        return True
    if isinstance(objection, psycopg.errors.CheckViolation) and name:
        return _satisfied(session, table, values, name, attempt)
    return False


def _satisfied(session: Session, table: Table, values: dict[str, Any], constraint: str, attempt: int) -> bool:
    found = text("select pg_get_constraintdef(oid) from pg_constraint where conname = :name")
    said = str(session.execute(found, {"name": constraint}).scalar() or "")
    columns = [column for column in table.columns if re.search(rf"\b{column.name}\b", said)]
    quoted = _QUOTED.findall(said)
    for column in columns:
        if quoted and _python_type(column) is str:
            values[column.name] = quoted[attempt % len(quoted)]
        elif column.nullable and values.get(column.name) is None:
            values[column.name] = plain(column)
        elif _python_type(column) in (int, Decimal) and column.name not in table.primary_key.columns:
            values[column.name] = _python_type(column)((1, 0, 2, 100)[attempt % 4])
    return bool(columns)
