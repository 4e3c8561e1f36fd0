"""Pages of objects and pages of plain rows: the same lists, the same cursors."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.db import Database, rescoped
from shared.ids import new_id
from shared.pagination import BadCursor, Page, page, page_of_rows
from shared.tenancy import Scope
from tests.shared.sample import SampleBox

NAMES = ("id", "label")
KEYS = [SampleBox.label, SampleBox.id]
List = Callable[..., Page[Any]]


@pytest.fixture
def organization() -> UUID:
    return new_id()


@pytest.fixture
def session(database: Database, organization: UUID) -> Iterator[Session]:
    """Seven boxes on two sites, some of the same label."""
    with database.transaction(Scope.whole(organization)) as running:
        sites = [new_id(), new_id()]
        for at, label in enumerate("acbbbca"):
            running.add(SampleBox(organization_id=organization, location_id=sites[at % 2], label=label))
        running.flush()
        yield running


def objects(session: Session, **options: Any) -> Page[Any]:
    return page(session, select(SampleBox), KEYS, **options)


def plain(session: Session, **options: Any) -> Page[Any]:
    return page_of_rows(session, SampleBox, NAMES, KEYS, {}, **options)


def walk(list_: List, session: Session, **options: Any) -> tuple[list[tuple[str, UUID]], list[str]]:
    """All rows, page by page, and the cursors in between."""
    seen: list[tuple[str, UUID]] = []
    cursors: list[str] = []
    cursor = None
    while True:
        part = list_(session, cursor=cursor, **options)
        seen += [(row.label, row.id) for row in part.items]
        if part.next is None:
            return seen, cursors
        cursor = part.next
        cursors.append(cursor)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_pages_of_rows_hold_what_pages_of_objects_hold(session: Session, limit: int, descending: bool) -> None:
    everything = sorted(((box.label, box.id) for box in session.scalars(select(SampleBox))), reverse=descending)
    walked = walk(plain, session, limit=limit, descending=descending)
    assert walked == walk(objects, session, limit=limit, descending=descending)
    assert walked[0] == everything


def test_rows_are_chosen_by_the_values_that_are_given(session: Session) -> None:
    some = session.scalars(select(SampleBox)).first()
    assert some is not None
    filters: list[dict[str, Any]] = [
        {"label": "b"},
        {"label": "b", "location_id": some.location_id},
        {"label": "nothing"},
        {"label": None},
    ]
    for equal in filters:
        given = {name: value for name, value in equal.items() if value is not None}
        wanted: Page[SampleBox] = page(session, select(SampleBox).filter_by(**given), KEYS, limit=50)
        found = page_of_rows(session, SampleBox, NAMES, KEYS, equal, limit=50)
        assert [row.id for row in found.items] == [box.id for box in wanted.items]


def test_a_filter_holds_on_the_following_pages_too(session: Session) -> None:
    first = page_of_rows(session, SampleBox, NAMES, KEYS, {"label": "b"}, limit=2)
    second = page_of_rows(session, SampleBox, NAMES, KEYS, {"label": "b"}, limit=2, cursor=first.next)
    assert [row.label for row in [*first.items, *second.items]] == ["b", "b", "b"]
    assert second.next is None


def test_another_organization_sees_none_of_the_rows(session: Session) -> None:
    with rescoped(session, Scope.whole(new_id())):
        assert plain(session, limit=50).items == []
    assert len(plain(session, limit=50).items) == 7


@pytest.mark.parametrize("cursor", ["", "!", "WyJhIl0", "WyJhIiwgIm5vIGlkIl0", "e30"])
@pytest.mark.parametrize("list_", [objects, plain])
def test_a_cursor_of_another_list_is_refused(session: Session, list_: List, cursor: str) -> None:
    with pytest.raises(BadCursor):
        list_(session, limit=5, cursor=cursor)
