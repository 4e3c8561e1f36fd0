"""Months in JSON and in paths: `2026-11`."""

import re
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields

from shared.errors import NotFound

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


class Month(fields.Field[date]):
    """A month, `2026-11`; its first day in Python."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "pattern": rf"^{_MONTH.pattern}$"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        month = parse(value) if isinstance(value, str) else None
        if month is None:
            raise ValidationError("Send a month as 2026-11.")
        return month

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else f"{value:%Y-%m}"


def parse(value: str) -> date | None:
    """The first day of the month, or None."""
    found = _MONTH.fullmatch(value)
    return date(int(found[1]), int(found[2]), 1) if found else None


def of_path(value: str) -> date:
    """The month in a path. Raises NotFound."""
    month = parse(value)
    if month is None:
        raise NotFound("No such month; write it as 2026-11.")
    return month
