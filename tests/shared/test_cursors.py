"""Cursors: every row once and in order whatever happens meanwhile, and no cursor but a list's own."""

import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.db import Database
from shared.ids import new_id
from shared.pagination import BadCursor, Page, page
from shared.tenancy import Scope
from tests.shared.sample import SampleBox

SCOPE = Scope(new_id(), "location", (new_id(),), (new_id(),))
SOME = UUID(int=7)  # the same in each process that collects the tests
BY_LABEL = [SampleBox.label, SampleBox.id]


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A site with seven boxes, two labels shared by several of them."""
    with database.transaction(SCOPE) as running:
        for label in ("a", "b", "b", "b", "c", "c", "d"):
            add(running, label)
        yield running


def add(session: Session, label: str) -> None:
    session.add(SampleBox(organization_id=SCOPE.organization_id, location_id=SCOPE.location_id, label=label))
    session.flush()


def read(session: Session, cursor: str | None = None, limit: int = 2, **options: Any) -> Page[SampleBox]:
    return page(session, select(SampleBox), BY_LABEL, limit=limit, cursor=cursor, **options)


def all_of(session: Session, **options: Any) -> list[SampleBox]:
    found: list[SampleBox] = []
    cursor: str | None = None
    while True:
        part = read(session, cursor, **options)
        found += part.items
        if part.next is None:
            return found
        cursor = part.next


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


@pytest.mark.parametrize("descending", [True, False])
def test_pages_hold_every_row_once_and_in_order(session: Session, descending: bool) -> None:
    rows = all_of(session, descending=descending)
    keys = [(row.label, row.id) for row in rows]
    assert len(set(keys)) == 7
    assert keys == sorted(keys, reverse=descending)


def test_a_full_last_page_promises_no_other(session: Session) -> None:
    assert read(session, limit=7).next is None
    assert read(session, limit=6).next is not None


def test_what_is_added_before_the_cursor_moves_nothing(session: Session) -> None:
    first = read(session, descending=False)
    add(session, "a")
    rest = read(session, first.next, limit=10, descending=False)
    assert [row.label for row in rest.items] == ["b", "b", "c", "c", "d"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "nothing like it",
        "\N{SNOWMAN}",
        "bm90IGpzb24",
        encoded({"label": "a"}),
        encoded("a"),
        encoded([]),
        encoded(["a"]),
        encoded(["a", "b", "c"]),
        encoded(["a", "no id"]),
        encoded([None, str(SOME)]),
        encoded([["a"], str(SOME)]),
    ],
)
def test_a_garbled_cursor_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(BadCursor):
        read(session, cursor)


def test_the_cursor_of_another_list_is_refused(session: Session) -> None:
    other: Page[SampleBox] = page(session, select(SampleBox), [SampleBox.id], limit=2)
    turned: Page[SampleBox] = page(session, select(SampleBox), [SampleBox.id, SampleBox.label], limit=2)
    for cursor in (other.next, turned.next):
        assert cursor is not None
        with pytest.raises(BadCursor):
            read(session, cursor)


def test_a_cursor_opens_nothing_outside_the_scope(database: Database, session: Session) -> None:
    cursor = read(session).next
    with database.transaction(Scope(new_id(), "location", (new_id(),), (new_id(),))) as strange:
        assert read(strange, cursor).items == []
