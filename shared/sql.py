"""SQL that goes to the driver as it is, and rows that go with it as one document: for the busiest paths."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
import psycopg
from psycopg.rows import RowFactory, namedtuple_row, tuple_row
from sqlalchemy import TypeDecorator, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session


class Sql:
    """SQL of one shape that the driver gets as it is, with `:name` where a value goes, for the busiest paths: what
    SQLAlchemy does for a statement (look up, compile, describe the result) takes longer than all the driver does.

    Values and rows (named tuples) are of the driver's own types. Raises SQLAlchemy's errors.
    """

    def __init__(self, sql: str) -> None:
        self.text = sql
        self._prepared = str(text(sql).compile(dialect=_DIALECT))

    def rows(self, session: Session, values: Mapping[str, Any]) -> list[Any]:
        """Run a statement that gives rows."""
        return self._run(session, values, namedtuple_row).fetchall()

    def run(self, session: Session, values: Mapping[str, Any]) -> None:
        """Run a statement that gives none, or none of interest."""
        self._run(session, values, tuple_row)

    def _run(self, session: Session, values: Mapping[str, Any], make_row: RowFactory[Any]) -> psycopg.Cursor[Any]:
        driver = _driver(session)
        try:
            return driver.cursor(row_factory=make_row).execute(self._prepared, values)
        except psycopg.Error as error:
            raise refused(self._prepared, error, driver) from error


_DIALECT = PGDialect_psycopg(dbapi=psycopg)  # type: ignore[no-untyped-call]


def refused(statement: str, error: psycopg.Error, driver: psycopg.Connection[Any]) -> Exception:
    """SQLAlchemy's error for one of the driver's. Without the values of the statement: they may be a person's."""
    return DBAPIError.instance(
        statement, None, error, psycopg.Error, connection_invalidated=driver.closed, dialect=_DIALECT
    )


def _driver(session: Session) -> psycopg.Connection[Any]:
    if "driver" not in session.info:
        session.connection()  # begins the transaction
    driver: psycopg.Connection[Any] = session.info["driver"]
    return driver


def insert_rows(session: Session, model: type[DeclarativeBase], rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows` (the same scalar columns in each) in one statement and one round trip, whatever their number.

    Nothing is flushed before.
    """
    _insertion(model, tuple(rows[0])).run(session, {"rows": rows_document(model, rows)})


@cache
def _insertion(model: type[DeclarativeBase], names: tuple[str, ...]) -> Sql:
    return Sql(rows_insert(model, names, "rows"))


def rows_insert(model: type[DeclarativeBase], names: Sequence[str], parameter: str) -> str:
    """SQL that inserts the rows of `rows_document`, given as `parameter`: alone, or part of a statement that writes
    more. One document costs the driver less than an array for each column."""
    columns = model.__table__.columns
    kinds = ", ".join(f"{name} {columns[name].type.compile(dialect=_DIALECT)}" for name in names)
    listed = ", ".join(names)
    return (
        f"insert into {model.__tablename__} ({listed})"
        f" select {listed} from jsonb_to_recordset(cast(:{parameter} as jsonb)) as r({kinds})"
    )


def rows_document(model: type[DeclarativeBase], rows: Sequence[dict[str, Any]]) -> str:
    """Rows as JSON, each value as it is stored."""
    scaled = _scaled(model)
    stored = [{name: scaled[name](value) if name in scaled else value for name, value in row.items()} for row in rows]
    return orjson.dumps(stored, default=_stored).decode()


@cache
def _scaled(model: type[DeclarativeBase]) -> dict[str, Callable[[Any], Any]]:
    """How the columns are converted that are stored as another type than they are used."""
    kinds = {column.name: column.type for column in model.__table__.columns if isinstance(column.type, TypeDecorator)}
    steps = {name: kind.bind_processor(_DIALECT) for name, kind in kinds.items()}
    return {name: step for name, step in steps.items() if step is not None}


def _stored(value: Any) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be stored")
