"""The few kinds of failure a rule can raise; shared.web renders them as RFC 9457 problems."""

import re
from typing import Any, ClassVar


class Problem(Exception):
    """A request that cannot be done, with a reason its sender can act on.

    The slug comes from the class name, the title from the first line of its docstring. `extra` becomes members of the
    problem document, `errors` a list of {pointer, detail}.
    """

    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", *, errors: list[dict[str, str]] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.extra = extra

    @property
    def slug(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def title(self) -> str:
        return (type(self).__doc__ or type(self).__name__).strip().splitlines()[0].rstrip(".")


class NotFound(Problem):
    """There is no such thing here."""

    status = 404


class Forbidden(Problem):
    """This may not be done by you."""

    status = 403


class Unauthenticated(Problem):
    """Sign in first."""

    status = 401


class Conflict(Problem):
    """This does not fit the present state."""

    status = 409


class Invalid(Problem):
    """The request is not valid."""

    status = 422


class TooMany(Problem):
    """Too many requests."""

    status = 429


class Unavailable(Problem):
    """This cannot be answered right now."""

    status = 503


class PreconditionMissing(Problem):
    """Say which version you change (If-Match)."""

    status = 428


class StaleVersion(Problem):
    """Somebody changed this since you read it."""

    status = 412
