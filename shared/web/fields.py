"""Marshmallow fields of the house: text without control characters, money as strings, exact quantities."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from marshmallow import Schema as _Schema
from marshmallow import ValidationError, fields, validate

from shared.money import CENT, TEN_THOUSANDTH

MONEY_MAX = Decimal("1000000000000")
QUANTITY_MAX = Decimal("1000000000")


class Schema(_Schema):
    """Refuses unknown fields; field order is the order of declaration."""

    _plan: list[tuple[str, str, Callable[[Any], Any] | None, fields.Field[Any] | None]] | None = None

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        if isinstance(obj, dict) or "." in attr:
            return super().get_attribute(obj, attr, default)
        return getattr(obj, attr, default)

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        # Rows are most of what is answered, and marshmallow's general way costs them more than the query did.
        if many or obj is None or isinstance(obj, dict):
            return super()._serialize(obj, many=many)
        try:
            return {
                key: plain(getattr(obj, name))
                if plain
                else (field._serialize(getattr(obj, name), name, obj) if field else getattr(obj, name))
                for key, name, plain, field in self._plan or self._make_plan()
            }
        except AttributeError:
            return super()._serialize(obj)

    def _make_plan(self) -> list[tuple[str, str, Callable[[Any], Any] | None, fields.Field[Any] | None]]:
        """(key, attribute, conversion, field) of each field that is written; no conversion: the field's own; neither:
        as it is."""
        self._plan = [
            (
                field.data_key or name,
                field.attribute or name,
                _PLAIN.get(type(field)),
                None if type(field) in _AS_IT_IS else field,
            )
            for name, field in self.dump_fields.items()
        ]
        return self._plan


class Pattern(validate.Regexp):
    """All of a text must fit. (`$` alone lets a line feed at the end pass.)"""

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class Text(fields.String):
    """Trimmed text of `min` to `max` characters, without control characters (a NUL cannot be stored)."""

    def __init__(self, *, min: int = 1, max: int = 200, **kwargs: Any) -> None:
        super().__init__(validate=[validate.Length(min=min, max=max)], **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
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
        return None if value is None else format(Decimal(value).quantize(self.step), "f")


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


# What these fields answer does not depend on how they were declared.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((fields.String, Text), _text),
    fields.Integer: _whole,
}
# And of these the app's JSON writer makes the same text, in a fraction of the time.
_AS_IT_IS = frozenset((fields.Date, Day, fields.UUID, Instant, fields.Boolean))


class PageQuery(Schema):
    """What every list understands."""

    limit = fields.Integer(load_default=50, strict=False, validate=validate.Range(min=1, max=200))
    cursor = fields.String(load_default=None, validate=validate.Length(max=1000))


def page_of(item: type[_Schema]) -> type[_Schema]:
    """The schema of a page of `item`: {items: [...], next: cursor or null}."""
    name = item.__name__.removesuffix("Schema") + "Page"
    return type(name, (Schema,), {"items": fields.List(fields.Nested(item)), "next": fields.String(allow_none=True)})
