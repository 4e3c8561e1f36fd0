"""Marshmallow fields of the house: text without control characters, money as strings, exact quantities."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat
from operator import attrgetter
from types import NoneType
from typing import Any

from marshmallow import Schema as _Schema
from marshmallow import ValidationError, fields, validate
from sqlalchemy import Row

from shared.money import CENT, TEN_THOUSANDTH

MONEY_MAX = Decimal("1000000000000")
QUANTITY_MAX = Decimal("1000000000")


@dataclass(frozen=True, slots=True)
class _Cell:
    """How one field is written: `key` in JSON, from `attribute`. `kinds` are the types that the app's JSON writer
    writes as the field would (None: all); another value is converted by `plain`, or else by the field itself."""

    key: str
    attribute: str
    field: fields.Field[Any]
    kinds: frozenset[type] | None
    plain: Callable[[Any], Any] | None

    def convert(self, value: Any, obj: Any) -> Any:
        """What the writer is given for a value of another kind."""
        return self.plain(value) if self.plain else self.field._serialize(value, self.attribute, obj)

    def convert_all(self, values: tuple[Any, ...], objects: Sequence[Any]) -> Iterable[Any]:
        """The same for a column; its kinds are looked at together, and mostly nothing is left to do."""
        if self.kinds is None or self.kinds.issuperset(map(type, values)):
            return values
        if self.plain:
            return map(self.plain, values)
        return map(self.field._serialize, values, repeat(self.attribute), objects)


class Schema(_Schema):
    """Refuses unknown fields; field order is the order of declaration."""

    _cells: tuple[_Cell, ...] | None = None

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        if isinstance(obj, dict) or "." in attr:
            return super().get_attribute(obj, attr, default)
        return getattr(obj, attr, default)

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        # Rows are most of what is answered, and marshmallow's general way costs them more than the query did.
        if obj is None or isinstance(obj, dict):
            return super()._serialize(obj, many=many)
        if many:
            return self._serialize_all(obj if isinstance(obj, list) else list(obj))
        try:
            return self._serialize_one(obj)
        except AttributeError:
            return super()._serialize(obj)

    def _serialize_one(self, obj: Any) -> dict[str, Any]:
        """Raises AttributeError where a field is no attribute of it."""
        answer = {}
        for cell in self._cells or self._make_cells():
            value = getattr(obj, cell.attribute)
            as_it_is = cell.kinds is None or type(value) in cell.kinds
            answer[cell.key] = value if as_it_is else cell.convert(value, obj)
        return answer

    def _serialize_all(self, objects: list[Any]) -> list[Any]:
        """Objects of one class go column by column, in loops of C; others, and those that lack a field, one by one."""
        cells = self._cells or self._make_cells()
        try:
            columns = _columns(objects, [cell.attribute for cell in cells]) if _alike(objects) else []
        except (AttributeError, KeyError):
            columns = []
        if not columns:
            return [self._serialize(obj) for obj in objects]
        keys = [cell.key for cell in cells]
        written = (cell.convert_all(column, objects) for cell, column in zip(cells, columns, strict=True))
        return [dict(zip(keys, row)) for row in zip(*written)]  # noqa: B905 (a check of each row would cost a third)

    def _make_cells(self) -> tuple[_Cell, ...]:
        self._cells = tuple(_cell(name, field) for name, field in self.dump_fields.items())
        return self._cells


def _alike(objects: list[Any]) -> bool:
    """Whether they are of one class, with attributes of its own."""
    classes = set(map(type, objects))
    return len(classes) == 1 and not issubclass(classes.pop(), dict | NoneType)


def _columns(objects: list[Any], names: list[str]) -> list[tuple[Any, ...]]:
    """The values of each name. Raises AttributeError, or KeyError where a row has no such column."""
    if isinstance(objects[0], Row):
        by_name = dict(zip(objects[0]._fields, zip(*objects, strict=True), strict=True))
        return [by_name[name] for name in names]
    return [tuple(map(attrgetter(name), objects)) for name in names]


def _cell(name: str, field: fields.Field[Any]) -> _Cell:
    kinds, plain = _WRITTEN.get(type(field), (_NONE, None))
    return _Cell(field.data_key or name, field.attribute or name, field, kinds, plain)


class Pattern(validate.Regexp):
    """All of a text must fit. (`$` alone lets a line feed at the end pass.)"""

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class Text(fields.String):
    """Text of `min` to `max` characters, blanks around it counted and taken off, without control characters (a NUL
    cannot be stored)."""

    def __init__(self, *, min: int = 1, max: int = 200, **kwargs: Any) -> None:
        super().__init__(validate=[validate.Length(min=min, max=max)], **kwargs)
        self._as_sent = validate.Length(max=max)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        sent = str(super()._deserialize(value, attr, data, **kwargs))
        self._as_sent(sent)
        text = sent.strip()
        if any(ord(c) < 32 and c not in "\n\t" for c in text) or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            raise ValidationError("Text may not hold control characters.")
        return text


class _Exact(fields.Field[Decimal]):
    """An exact number, sent and answered as a string; floats and exponents are refused."""

    step: Decimal
    top: Decimal

    def __init__(self, *, minimum: Decimal | int | None = 0, above: Decimal | int | None = None, **kwargs: Any) -> None:
        places = -int(self.step.as_tuple().exponent)
        sign = "-?" if minimum is None or minimum < 0 else ""
        pattern = rf"^{sign}[0-9]{{1,13}}(\.[0-9]{{1,{places}}})?$"
        metadata = {"type": "string", "pattern": pattern, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self._pattern, self._minimum, self._above = re.compile(pattern), minimum, above

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str) or not self._pattern.fullmatch(value):
            raise ValidationError(f'Send an exact number as a string with the step {self.step}, for example "12.5".')
        number = Decimal(value)
        if number > self.top:
            raise ValidationError(f"At most {self.top}.")
        if self._above is not None and number <= self._above:
            raise ValidationError(f"More than {self._above}.")
        if self._above is None and self._minimum is not None and number < self._minimum:
            raise ValidationError(f"At least {self._minimum}.")
        return number

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else str(Decimal(value).quantize(self.step))


class Money(_Exact):
    """An amount of money, a string with at most two decimals: `"1249.50"`."""

    step, top = CENT, MONEY_MAX


class Price(_Exact):
    """A price per unit, a string with at most four decimals."""

    step, top = TEN_THOUSANDTH, MONEY_MAX


class Quantity(_Exact):
    """A quantity, a string with at most six decimals, written without trailing zeros."""

    step, top = Decimal("0.000001"), QUANTITY_MAX

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else format(Decimal(value).normalize(), "f")


class Flag(fields.Boolean):
    """True or false in a body, and nothing that only reads like it: no 1, no `"yes"`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Instant(fields.AwareDateTime):
    """An instant, RFC 3339 with an offset; answered in UTC with `Z`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        text = super()._serialize(value, attr, obj, **kwargs)
        return text.replace("+00:00", "Z") if isinstance(text, str) else text


class Id(fields.UUID):
    """An id as the platform writes it (RFC 9562, section 4): 36 characters, no braces, no `urn:`, no hyphens left out.
    One thing has one name, also where names are compared as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(value, str) or str(found) != value.lower():
            raise self.make_error("invalid_uuid")
        return found


class Day(fields.Date):
    """A calendar day of this century: what is counted from it (terms, terms of notice) stays a date."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not 2000 <= day.year <= 2099:
            raise ValidationError("A day from 2000-01-01 to 2099-12-31.")
        return day


def _text(value: Any) -> Any:
    return value if value is None or type(value) is str else str(value)


def _whole(value: Any) -> Any:
    return value if value is None or type(value) is int else int(value)


_NONE: frozenset[type] = frozenset()
_Written = tuple[frozenset[type] | None, Callable[[Any], Any] | None]
# What these fields answer does not depend on how they were declared; of days, ids, instants and flags the app's JSON
# writer makes the same text as marshmallow, in a fraction of the time.
_WRITTEN: dict[type, _Written] = {
    **dict.fromkeys((fields.String, Text), (frozenset((str, NoneType)), _text)),
    fields.Integer: (frozenset((int, NoneType)), _whole),
    **dict.fromkeys((fields.Date, Day, Id, Instant, fields.Boolean), (None, None)),
}


def attributes(schema: type[_Schema]) -> tuple[str, ...]:
    """What `schema` writes, as the rows name it: what a query needs to read for it, and no more."""
    return tuple(field.attribute or name for name, field in schema().dump_fields.items())


class PageQuery(Schema):
    """What every list understands."""

    limit = fields.Integer(load_default=50, strict=False, validate=validate.Range(min=1, max=200))
    cursor = fields.String(load_default=None, validate=validate.Length(max=1000))


def page_of(item: type[_Schema]) -> type[_Schema]:
    """The schema of a page of `item`: {items: [...], next: cursor or null}."""
    name = item.__name__.removesuffix("Schema") + "Page"
    return type(name, (Schema,), {"items": fields.Nested(item, many=True), "next": fields.String(allow_none=True)})
