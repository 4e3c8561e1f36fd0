"""Rows of a query are answered column by column: faster than marshmallow, and never differently."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import marshmallow
import pytest
from flask import Flask
from marshmallow import fields
from sqlalchemy import Row
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

from shared.web.fields import Day, Flag, Id, Instant, Money, Price, Quantity, Schema, Text, page_of


class Colour(StrEnum):
    RED = "red"


KINDS: dict[str, tuple[fields.Field[Any], Sequence[Any]]] = {
    "string": (fields.String(), ["plain", Colour.RED, 7, ""]),
    "text": (Text(), ["Ünïcode \u2028 'quoted'", "x"]),
    "whole": (fields.Integer(), [0, -3, Decimal("12"), 2**53]),
    "money": (Money(), [Decimal("12.50"), Decimal("0"), Decimal("-0.01"), 5, Decimal("999999999999.99")]),
    "price": (Price(), [Decimal("0.0001"), Decimal("12")]),
    "quantity": (Quantity(), [Decimal("12.500000"), Decimal("100"), Decimal("0.000001")]),
    "day": (Day(), [date(2026, 1, 31)]),
    "date": (fields.Date(), [date(1970, 1, 1)]),
    "instant": (Instant(), [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 9, 5, 3, 120, tzinfo=UTC)]),
    "id": (Id(), [UUID(int=1), UUID("0190a5c4-0000-7000-8000-0000000000ff")]),
    "boolean": (fields.Boolean(), [True, False]),
    "flag": (Flag(), [True, False]),
    "choice": (fields.Enum(Colour, by_value=True), [Colour.RED]),
    "choices": (fields.List(Id()), [[UUID(int=1)], []]),
    "document": (fields.Dict(), [{"a": 1}]),
    "anything": (fields.Raw(), [1, "a", [None]]),
    "other_key": (fields.String(data_key="otherKey"), ["a"]),
    "other_name": (fields.String(attribute="number"), ["a"]),
}


@pytest.fixture
def app(sample_app: Flask) -> Flask:
    """For its JSON writer."""
    return sample_app


def rows(names: Sequence[str], values: Sequence[Sequence[Any]]) -> list[Row[Any]]:
    """What a query of columns finds."""
    found: IteratorResult[Any] = IteratorResult(SimpleResultMetaData(list(names)), iter(map(tuple, values)))
    return list(found.all())


def schemas(**declared: fields.Field[Any]) -> tuple[marshmallow.Schema, marshmallow.Schema]:
    """Our schema, and marshmallow's own of the same fields."""
    ours, theirs = (type("Item", (base,), dict(declared)) for base in (Schema, marshmallow.Schema))
    return ours(), theirs()


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_field_is_written_as_marshmallow_writes_it(app: Flask, name: str) -> None:
    field, values = KINDS[name]
    ours, theirs = schemas(**{name: field})
    for column in ([*values], [*values, None], [None]):
        found = rows([field.attribute or name, "more"], [(value, 0) for value in column])
        objects = [SimpleNamespace(**row._mapping) for row in found]
        wanted = app.json.dumps(theirs.dump(found, many=True))
        assert app.json.dumps(ours.dump(found, many=True)) == wanted
        assert app.json.dumps([ours.dump(row) for row in found]) == wanted
        assert app.json.dumps(ours.dump(objects, many=True)) == wanted


def test_a_page_holds_its_fields_in_the_order_of_declaration(app: Flask) -> None:
    item = Schema.from_dict({"total": Money(), "id": fields.UUID(), "note": fields.String()}, name="Bill")
    found = rows(["id", "note", "total", "secret"], [(UUID(int=1), None, Decimal("5"), "s")])
    page = SimpleNamespace(items=found, next=None)
    assert app.json.dumps(page_of(item)().dump(page)) == (
        '{"items":[{"total":"5.00","id":"00000000-0000-0000-0000-000000000001","note":null}],"next":null}'
    )


def test_an_empty_page_is_an_empty_list() -> None:
    item = Schema.from_dict({"id": fields.UUID()}, name="Nothing")
    assert page_of(item)().dump(SimpleNamespace(items=[], next=None)) == {"items": [], "next": None}


def test_a_field_that_no_column_holds_is_left_to_marshmallow() -> None:
    class Item(Schema):
        name = fields.String()
        absent = fields.String()
        supposed = fields.String(dump_default="as agreed")
        shouted = fields.Function(lambda row: row.name.upper())

    wanted = [
        {"name": "a", "supposed": "as agreed", "shouted": "A"},
        {"name": "b", "supposed": "as agreed", "shouted": "B"},
    ]
    assert Item().dump(rows(["name"], [("a",), ("b",)]), many=True) == wanted
    assert Item().dump([SimpleNamespace(name="a"), SimpleNamespace(name="b")], many=True) == wanted


def test_mappings_are_asked_for_their_keys_and_mixtures_one_by_one() -> None:
    item = Schema.from_dict({"items": fields.String()}, name="Bag")()
    assert item.dump([{"items": "a"}, {"items": None}], many=True) == [{"items": "a"}, {"items": None}]
    assert item.dump([{"items": "a"}, SimpleNamespace(items="b")], many=True) == [{"items": "a"}, {"items": "b"}]


def test_a_schema_without_fields_answers_an_empty_object_for_each_row() -> None:
    assert Schema().dump(rows(["name"], [("a",), ("b",)]), many=True) == [{}, {}]


@pytest.mark.parametrize(
    "value",
    [
        "0190a5c4000070008000000000000000",
        "{0190a5c4-0000-7000-8000-0000000000ff}",
        "urn:uuid:0190a5c4-0000-7000-8000-0000000000ff",
        "0190a5c4-0000-7000-8000-0000000000f",
        "0190a5c40000-7000-8000-0000000000ff0",
        " 190a5c4-0000-7000-8000-0000000000ff",
        "",
        7,
        ["0190a5c4-0000-7000-8000-0000000000ff"],
    ],
)
def test_an_id_is_taken_in_one_form_only(value: Any) -> None:
    with pytest.raises(marshmallow.ValidationError):
        Id().deserialize(value)


def test_an_id_is_taken_in_capitals_too() -> None:
    assert Id().deserialize("0190A5C4-0000-7000-8000-0000000000FF") == UUID("0190a5c4-0000-7000-8000-0000000000ff")


def test_blanks_around_a_text_count_for_its_length_and_are_taken_off() -> None:
    assert Text(max=5).deserialize(" \u00a0abc") == "abc"
    for sent in ("   abc", "abcdef", "     "):
        with pytest.raises(marshmallow.ValidationError):
            Text(max=5).deserialize(sent)
