"""The database session: one transaction per request or message, its scope set as it begins.

Commit, rollback and Session(...) stand only here.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    Connection,
    Date,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Text,
    Uuid,
    create_engine,
    event,
    select,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from shared.errors import Conflict, NotFound, Unavailable
from shared.ids import new_id
from shared.pool import MeasuredPool, close, count
from shared.sql import Sql, refused
from shared.tenancy import PLATFORM_ROLE, Ownership, Scope

_AS_EVER: Mapping[str, str] = {}
_BY_KEY: Mapping[str, str] = {"enable_seqscan": "off"}
_ONCE: Mapping[str, str] = {"plan_cache_mode": "force_generic_plan"}
_AS_PLATFORM = f"select set_config('role', '{PLATFORM_ROLE}', true); "
_PLAIN = re.compile(r"[A-Za-z0-9_{}, -]*")
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declares tables. Ownership, append-only and platform access are read by migrations and architecture tests."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        date: Date(),
        Decimal: Numeric(),
        int: Integer(),
    }
    __ownership__: ClassVar[Ownership | None] = None
    __append_only__: ClassVar[bool] = False
    __platform__: ClassVar[bool] = False
    # What the table needs beyond its columns (triggers), as SQL for its migration.
    __guards__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = getattr(cls, "__table__", None)
        if table is not None:
            table.info.update(ownership=cls.__ownership__, append_only=cls.__append_only__, platform=cls.__platform__)
            table.info["guards"] = cls.__guards__


class HasId:
    """A UUIDv7 primary key."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Versioned:
    """A version that grows with every change: optimistic lock, ETag and event order at once."""

    version: Mapped[int] = mapped_column()


class OrganizationOwned:
    """Belongs to a franchise organization as a whole."""

    __ownership__: ClassVar[Ownership | None] = "organization"
    organization_id: Mapped[UUID] = mapped_column()


class LocationOwned:
    """Belongs to one location of an organization."""

    __ownership__: ClassVar[Ownership | None] = "location"
    organization_id: Mapped[UUID] = mapped_column()
    location_id: Mapped[UUID] = mapped_column()


class EntityOwned:
    """Belongs to one legal entity of an organization."""

    __ownership__: ClassVar[Ownership | None] = "entity"
    organization_id: Mapped[UUID] = mapped_column()
    legal_entity_id: Mapped[UUID] = mapped_column()


@event.listens_for(Base, "instrument_class", propagate=True)
def _version_column(mapper: Any, cls: type) -> None:
    if issubclass(cls, Versioned) and mapper.version_id_col is None and mapper.local_table is not None:
        mapper.version_id_col = mapper.local_table.c.get("version")


class StaleWrite(Conflict):
    """Somebody else changed this at the same moment; read it again."""


class Busy(Conflict):
    """Somebody else is working on this at the moment; try again."""


class Database:
    """An engine and the transactions made on it; metrics count its connections as those of `service`."""

    def __init__(self, url: str, *, pool_size: int = 10, lock_timeout_ms: int = 5000, service: str = "other") -> None:
        self.engine: Engine = create_engine(
            _dialect(url),
            poolclass=MeasuredPool,
            pool_logging_name=service,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_use_lifo=True,  # few connections that are warm, not all in turn
            pool_pre_ping=False,
            connect_args={
                # The driver would begin by itself, at the price of a round trip; transactions begin in _begin_in_scope.
                "autocommit": True,
                "connect_timeout": 5,
                "application_name": "partywall",
                # TCP liveness: a database that vanished must not hold a request for minutes.
                "options": f"-c lock_timeout={lock_timeout_ms} -c idle_in_transaction_session_timeout=60000"
                " -c statement_timeout=60000 -c timezone=UTC",
                "keepalives_idle": 10,
                "tcp_user_timeout": 15000,
            },
        )
        count(self.engine.pool, service, pool_size)
        event.listen(self.engine, "do_execute_no_params", _unprepared)
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        self._farewells: list[Callable[[], None]] = []

    def before_close(self, farewell: Callable[[], None]) -> None:
        """Have `farewell` run when the connections are about to be closed (a background writer that must finish)."""
        self._farewells.append(farewell)

    def close(self) -> None:
        """Close the connections, lent ones as they come back, and open none from now on: a thread that is still at
        work afterwards (a long poll) gets an OperationalError. Safe to repeat."""
        for farewell in self._farewells:
            farewell()
        close(self.engine)

    @contextmanager
    def transaction(self, scope: Scope, *, by_key: bool = False) -> Iterator[Session]:
        """One transaction that sees the rows of `scope` only; commits at the end, rolls back on any exception.

        `by_key`: it looks rows up and reads no table as a whole. A plan is kept for as long as the statistics it was
        made on, and one that scans a table that was small then must not.
        """
        with self._open(scope.role, scope.settings(), plans=_BY_KEY if by_key else _AS_EVER) as session:
            yield session

    @contextmanager
    def platform_transaction(self, turn: str = "", *, planned_once: bool = False) -> Iterator[Session]:
        """One transaction of the platform itself (relay, inbox, sign-in); never opened for a request's own work.

        Of transactions with the same `turn` one runs at a time, whatever process they are in. `planned_once`: its
        statements are about a few rows each time, and planning them anew would take longer than running them.
        """
        with self._open(PLATFORM_ROLE, {}, turn, _ONCE if planned_once else _AS_EVER) as session:
            yield session

    def look(self, query: str, **numbers: int) -> list[Any]:
        """The rows of one query of the platform itself, as named tuples; `{name}` in it stands for a number. Begin,
        query and end are one round trip, which takes no parameters: for what looks at every ring. Raises SQLAlchemy's
        errors."""
        # Statements sent together are one transaction, and what is set for it ends with it.
        sent = _AS_PLATFORM + query.format(**{name: int(number) for name, number in numbers.items()})
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            try:
                cursor = driver.cursor(row_factory=namedtuple_row).execute(sent, prepare=False)
            except psycopg.Error as error:
                if driver.closed:
                    connection.invalidate(error)
                raise refused(query, error, driver) from error
            cursor.nextset()
            rows: list[Any] = cursor.fetchall()
            return rows

    @contextmanager
    def _open(
        self, role: str, settings: dict[str, str], turn: str = "", plans: Mapping[str, str] = _AS_EVER
    ) -> Iterator[Session]:
        session = self._session(info={"role": role, "settings": settings, "turn": turn, "plans": plans, "events": []})
        try:
            yield session
            session.commit()
        except BaseException:
            _abandon(session)
            raise
        finally:
            session.close()


def _abandon(session: Session) -> None:
    try:
        session.rollback()
    except DBAPIError:
        session.invalidate()


def rescope(session: Session, scope: Scope) -> None:
    """Change the scope of the running transaction (a consumer that applies events of several organizations)."""
    session.flush()
    _apply(session, scope.role, scope.settings())


@contextmanager
def rescoped(session: Session, scope: Scope) -> Iterator[None]:
    """Within the block the running transaction works in `scope`, for an effect that crosses what its caller may see
    (both sides of an inter-entity entry). What is asked for must be decided before."""
    role, settings = session.info["role"], session.info["settings"]
    rescope(session, scope)
    try:
        yield
        session.flush()
    except BaseException:
        # An aborted transaction takes no more statements, and needs no scope.
        with suppress(DBAPIError):
            _apply(session, role, settings)
        raise
    _apply(session, role, settings)


def as_platform(session: Session) -> None:
    """Change the running transaction to the platform role."""
    session.flush()
    _apply(session, PLATFORM_ROLE, {})


def _apply(session: Session, role: str, settings: dict[str, str]) -> None:
    session.info.update(role=role, settings=settings)
    values = {"role": role, **settings}
    _set_configs(tuple(values)).run(session, {f"p{i}": value for i, value in enumerate(values.values())})


@cache
def _set_configs(names: tuple[str, ...]) -> Sql:
    calls = ", ".join(f"set_config('{name}', :p{i}, true)" for i, name in enumerate(names))
    return Sql(f"select {calls}")


@event.listens_for(Session, "after_begin")
def _begin_in_scope(session: Session, transaction: Any, connection: Connection) -> None:
    if transaction.parent is None:
        info = session.info
        names, values = zip(*{"role": info["role"], **info["settings"], **info["plans"]}.items(), strict=True)
        begin = _begin(names, values, info["turn"])
        connection.exec_driver_sql(begin, execution_options={"no_parameters": True})
        info["driver"] = connection.connection.driver_connection


@lru_cache(maxsize=4096)
def _begin(names: tuple[str, ...], values: tuple[str, ...], turn: str) -> str:
    """BEGIN and the scope in one round trip, which only the simple protocol allows; it takes no parameters."""
    if not all(map(_PLAIN.fullmatch, (*values, turn))):
        raise ValueError("a scope is made of names and ids")
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in zip(names, values, strict=True))
    wait = f"; select pg_advisory_xact_lock(hashtextextended('{turn}', 0))" if turn else ""
    return f"begin; select {calls}{wait}"


def _unprepared(cursor: psycopg.Cursor[Any], statement: str, context: Any) -> bool:
    cursor.execute(statement, prepare=False)  # two statements cannot be prepared
    return True


_Row = TypeVar("_Row", bound=Base)


def get(session: Session, model: type[_Row], key: UUID) -> _Row:
    """The row, or NotFound: a row outside the scope does not exist."""
    row = session.get(model, key)
    if row is None:
        raise NotFound(f"No such {_spoken(model)}.")
    return row


def lock(session: Session, model: type[_Row], key: UUID) -> _Row:
    """The row, locked until the transaction ends, with its present values. Raises NotFound."""
    row = session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"No such {_spoken(model)}.")
    return row


def _spoken(model: type) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in model.__name__).strip()


def ping(database: Database) -> None:
    """Raises Unavailable when the database does not answer."""
    try:
        with database.engine.connect() as connection:
            connection.execute(select(1))
    except OperationalError as error:
        raise Unavailable("The database does not answer.") from error


def wait_until_answers(database: Database, seconds: float = 30) -> None:
    """Block until the database answers. Raises Unavailable after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ping(database)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _dialect(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
