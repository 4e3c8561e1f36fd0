"""Layer 3, with door and service off: database sessions with the wrong scope, on every table of every service."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg.errors
from sqlalchemy import Table, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.db import Base, rescope
from shared.settings import SERVICES
from shared.tenancy import MULTI, NETWORK, PLATFORM_ROLE, SITE, Scope
from tests.proof.wall import synthetic
from tests.proof.wall.cast import Caller
from tests.proof.wall.requests import Target
from tests.proof.wall.rows import Row, copied, owned, tables
from tests.proof.wall.tally import Tally
from tests.proof.wall.world import World

_REFUSED = (psycopg.errors.InsufficientPrivilege,)
_MOST = 300


class _Undone(Exception):
    """Ends a transaction whose work was only a trial."""


@dataclass(frozen=True)
class Stranger:
    """A session that must not see the target's rows: its case, what it is like, and whose rows it may not see."""

    case: str
    scope: Scope
    caller: Caller


def strangers(callers: dict[str, Caller], target: Target) -> list[Stranger]:
    """Every kind of scope of another organization; one site and several sites of the same organization."""
    found = []
    for case, caller in callers.items():
        location = UUID(next(iter(caller.locations or ())))
        entity = UUID(next(iter(caller.entities or ())))
        own = caller.organization == target.rows.organization
        found += [
            Stranger(case, Scope(caller.organization, "location", (location,), (entity,)), caller),
            Stranger(case, Scope(caller.organization, "network", (location,), (entity,)), caller),
            Stranger(case, Scope(caller.organization, "network", (location,), (entity,), office=True), caller),
        ]
        if case != "other location":
            found.append(Stranger(case, Scope(caller.organization, "entity", (location,), (entity,)), caller))
        if not own:
            found += [Stranger(case, Scope(caller.organization, kind), caller) for kind in ("network", "organization")]
    return found


class Tables:
    """The trials of one service's tables. Everything happens in transactions that are rolled back."""

    def __init__(self, world: World, service: str, target: Target, wrong: list[Stranger], tally: Tally) -> None:
        self.world, self.service, self.target = world, service, target
        self.wrong, self.tally = wrong, tally
        self._whole = Scope.whole(target.rows.organization)
        self._people: dict[str, Row] = {}

    def prove(self) -> None:
        """Every table: owned ones from every wrong scope, the platform's own from every role of a request."""
        try:
            with self.world.databases[self.service].transaction(self._whole) as session:
                for table in tables(self.service):
                    if owned(table):
                        self._owned(session, table)
                    else:
                        self._platforms_own(session, table)
                raise _Undone
        except _Undone:
            pass

    def _owned(self, session: Session, table: Table) -> None:
        rows = self._rows(session, table)
        if table.info["ownership"] == "person":
            self._people |= {row.key: row for row in rows}
        self._scopeless(session, table)
        for stranger in self.wrong:
            theirs = [row for row in rows if self._foreign(row, stranger)]
            if theirs:
                self._from(session, table, stranger, theirs)
            elif stranger.case == "other organization":
                self._note(table, stranger.case, "there was no row to find")

    def _rows(self, session: Session, table: Table) -> list[Row]:
        """The target's rows, at the target first; one is made up where there is none."""
        rescope(session, self._whole)
        found = [dict(one) for one in session.execute(select(table).limit(_MOST)).mappings()]
        if not found:
            target = self.target
            ground = {"organization_id": target.rows.organization, "location_id": UUID(target.location)}
            values = synthetic.insert_row(session, table, {**ground, "legal_entity_id": UUID(target.entity)})
            keys = _is(table, values) if _keyed(table, values) else text("true")
            found = [dict(session.execute(select(table).where(keys)).mappings().first() or {})]
        return [Row(self.service, table.name, table.info["ownership"], one, self._people) for one in found]

    def _foreign(self, row: Row, stranger: Stranger) -> bool:
        caller = stranger.caller
        if caller.organization != self.target.rows.organization:
            return True
        return not row.within(caller.locations, caller.entities, office=stranger.scope.office)

    def _scopeless(self, session: Session, table: Table) -> None:
        """Each role of a request with no organization set; and the login itself, which has no rights of its own."""
        nowhere = dict.fromkeys(self._whole.settings(), "")
        for role in (SITE, MULTI, NETWORK):
            _become(session, role, nowhere)
            self._note(table, "no scope", _seen(session, select(func.count()).select_from(table)))
        _become(session, "none", nowhere)
        self._note(table, "no role", _refused(session, select(table).limit(1)))
        if not table.info["platform"]:
            _become(session, PLATFORM_ROLE, nowhere)
            self._note(table, "platform role", _refused(session, select(table).limit(1)))

    def _from(self, session: Session, table: Table, stranger: Stranger, theirs: list[Row]) -> None:
        _become(session, stranger.scope.role, stranger.scope.settings())
        these = or_(*(_is(table, row.values) for row in theirs))
        self._note(table, stranger.case, _seen(session, select(func.count()).select_from(table).where(these)))
        for what, trial in self._writes(table, theirs[0].values, these):
            self._note(table, f"{what}, {stranger.case}", trial(session))

    def _writes(
        self, table: Table, row: dict[str, Any], these: Any
    ) -> Iterator[tuple[str, Callable[[Session], str | None]]]:
        column = table.columns["organization_id"]
        yield "insert", lambda session: _refused(session, insert(table).values(copied(table, row)))
        yield "update", lambda session: _untouched(session, update(table).where(these).values({column.name: column}))
        yield "delete", lambda session: _untouched(session, delete(table).where(these))

    def _platforms_own(self, session: Session, table: Table) -> None:
        """The platform's own tables are shut to requests; reference data may be read, and is nobody's."""
        if "organization_id" in table.columns:
            return self._note(table, "of nobody", "it names organizations, but nobody owns its rows")
        for scope in {one.scope.role: one.scope for one in self.wrong}.values():
            _become(session, scope.role, scope.settings())
            if table.info["platform"]:
                self._note(table, "of nobody", _refused(session, select(table).limit(1)))
            elif scope.role != NETWORK:  # consumers of the rules write as network
                column = next(iter(table.columns))
                self._note(table, "of nobody", _refused(session, update(table).values({column.name: column})))
            self._note(table, "of nobody", _refused(session, delete(table)))
        return None

    def _note(self, table: Table, case: str, leak: str | None) -> None:
        self.tally.note(f"{self.service}.{table.name}", case, leak)


def _keyed(table: Table, values: dict[str, Any]) -> bool:
    return all(column.name in values for column in table.primary_key.columns)


def _is(table: Table, values: dict[str, Any]) -> Any:
    return and_(*(column == values[column.name] for column in table.primary_key.columns))


def _become(session: Session, role: str, settings: dict[str, str]) -> None:
    """The role and settings of another session, for the statements that follow."""
    for name, value in {"role": role, **settings}.items():
        session.execute(text("select set_config(:name, :value, true)"), {"name": name, "value": value})


def _seen(session: Session, count: Any) -> str | None:
    """None where the count is zero, or the database refuses to count."""
    found = _tried(session, lambda: int(session.execute(count).scalar_one()))
    return f"sees {found} rows" if found else None


def _untouched(session: Session, statement: Any) -> str | None:
    """None where nothing is changed, or the database refuses to change."""
    found = _tried(session, lambda: int(session.execute(statement).rowcount))  # type: ignore[attr-defined]
    return f"touches {found} rows" if found else None


def _refused(session: Session, statement: Any) -> str | None:
    """None where the database refuses."""
    allowed = _tried(session, lambda: bool(session.execute(statement)) or True)
    return "is allowed" if allowed else None


def _tried(session: Session, act: Callable[[], Any]) -> Any:
    """What `act` gives, undone; None where rights or policies refuse. Any other error means it was not refused."""
    found: Any = None
    try:
        with session.begin_nested():
            found = act()
            raise _Undone
    except _Undone:
        return found
    except DBAPIError as error:
        if isinstance(error.orig, _REFUSED):
            return None
        return f"({type(error.orig).__name__})"


def prove(world: World, target: Target, callers: dict[str, Caller]) -> Tally:
    """Every table of every service. `callers`: one for each of other location, other entity, other organization."""
    tally = Tally("database")
    wrong = strangers(callers, target)
    for service in SERVICES:
        Tables(world, service, target, wrong, tally).prove()
    return tally


def declared() -> set[str]:
    """Every table there is, as service.table."""
    return {f"{service}.{table.name}" for service in SERVICES for table in tables(service)}


def owned_tables() -> set[str]:
    """Those that belong to an organization."""
    return {name for name in declared() if owned(Base.metadata.tables[name.split(".", 1)[1]])}
