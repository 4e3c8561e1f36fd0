"""The real rows of an organization, who owns them, and which one an id in a path or a body means."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from shared.db import Base
from shared.ids import new_id
from shared.migrate import tables_of
from shared.settings import SERVICES
from shared.tenancy import Scope
from tests.proof.wall import synthetic
from tests.proof.wall.world import World

MOST = 400
# Where a path says less than its table's name does.
_MEANT = {"account": "patient_account", "letter": "parked", "client": "user_account", "user": "user_account"}


class NoRow(Exception):
    """An id of the API belongs to no table that anybody could name; say which in `_MEANT`."""


@dataclass(frozen=True)
class Row:
    """A row and where it belongs."""

    service: str
    table: str
    ownership: str | None
    values: dict[str, Any]
    people: "dict[str, Row]"

    @property
    def key(self) -> str:
        """Its id, empty where it has none of its own."""
        table = Base.metadata.tables[self.table]
        named = [self.values[column.name] for column in table.primary_key.columns if column.name != "organization_id"]
        return next((str(value) for value in named if isinstance(value, UUID)), "")

    def within(
        self, locations: frozenset[str] | None, entities: frozenset[str] | None, *, office: bool = False
    ) -> bool:
        """Whether a session of this organization, with these places, owns or shares it; None means all places. The
        `office` also sees people of no place."""
        if locations is None or self.ownership in (None, "organization"):
            return True
        entities = entities or frozenset()
        if self.ownership == "personal":
            person = self.people.get(str(self.values["person_id"]))
            return person is not None and person.within(locations, entities, office=office)
        if self.ownership == "person":
            works = {str(one) for one in self.values["location_ids"]}
            employed = {str(one) for one in self.values["entity_ids"]}
            return bool(works & locations or employed & entities) or (office and not works and not employed)
        if self.ownership == "location":
            return str(self.values["location_id"]) in locations
        return str(self.values["legal_entity_id"]) in entities


def tables(service: str) -> list[Table]:
    """Every table of a service, parents before children."""
    names = tables_of(service)
    return [table for table in Base.metadata.sorted_tables if table.name in names]


def owned(table: Table) -> bool:
    return bool(table.info["ownership"])


class Rows:
    """What one organization has: up to `MOST` rows of every table it owns, by service and table."""

    def __init__(self, world: World, organization: UUID) -> None:
        self.world, self.organization = world, organization
        self._rows: dict[tuple[str, str], list[Row]] = {}
        self._people: dict[str, Row] = {}
        for service in SERVICES:
            with world.databases[service].transaction(Scope.whole(organization)) as session:
                for table in filter(owned, tables(service)):
                    self._rows[service, table.name] = self._read(session, service, table)

    def _read(self, session: Session, service: str, table: Table) -> list[Row]:
        newest = [column.desc() for column in table.primary_key.columns]
        found = session.execute(select(table).order_by(*newest).limit(MOST)).mappings()
        ownership = table.info["ownership"]
        rows = [Row(service, table.name, ownership, dict(one), self._people) for one in found]
        if ownership == "person":
            self._people |= {row.key: row for row in rows}
        return rows

    def of(self, service: str, table: str) -> list[Row]:
        return self._rows.get((service, table), [])

    def everything(self) -> Iterable[Row]:
        return (row for rows in self._rows.values() for row in rows)

    def fill(self, service: str, table: str, ground: dict[str, Any]) -> None:
        """Give a table without rows one that is made up, so that there is something to find."""
        if self.of(service, table):
            return
        model = Base.metadata.tables[table]
        with self.world.databases[service].transaction(Scope.whole(self.organization)) as session:
            values = synthetic.insert_row(session, model, ground)
            keys = [column == values[column.name] for column in model.primary_key.columns if column.name in values]
            made = session.execute(select(model).where(*keys)).mappings().one()
            self._rows[service, table] = [Row(service, table, model.info["ownership"], dict(made), self._people)]

    def meant(self, service: str, name: str, segment: str = "") -> str:
        """The table that an id called `name`, after the path segment `segment`, belongs to. Raises NoRow."""
        noun, about = name.removesuffix("_ids").removesuffix("_id"), _singular(segment)
        names = [table for one, table in self._rows if one == service]
        scored = [(_score(table, noun, about), -len(table), table) for table in names]
        best = max((one for one in scored if one[0]), default=None)
        if best is None:
            raise NoRow(f"{service}: {name} after /{segment}")
        return best[2]


def _score(table: str, noun: str, about: str) -> int:
    if table == _MEANT.get(noun):
        return 6
    if table == about:
        return 5
    if table == noun:
        return 4
    if about and table.startswith(about.split("_")[0]) and table.endswith(f"_{noun}"):
        return 3
    if table.endswith((f"_{noun}", f"_{about}" if about else "\0")):
        return 2
    return 1 if table.startswith(f"{noun}_") else 0


def _singular(segment: str) -> str:
    word = segment.replace("-", "_")
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def copied(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The values of a second row like `row`: fresh ids, everything else the same."""
    fresh = dict(row)
    for column in table.primary_key.columns:
        if column.name == "id" and isinstance(row["id"], UUID):
            fresh["id"] = new_id()
    return {name: value for name, value in fresh.items() if table.columns[name].identity is None}


def write(session: Session, table: Table, values: dict[str, Any]) -> None:
    """One INSERT of exactly these values."""
    session.execute(insert(table).values(values))
