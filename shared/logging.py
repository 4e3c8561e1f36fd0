"""Structured logs on standard error that cannot print patient data or secrets.

Only the fields named in ALLOWED are ever written: a new field must be added here on purpose, and patient data has none.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "service",
        "request_id",
        "operation",
        "status",
        "outcome",
        "policy",
        "duration_ms",
        "method",
        "route",
        "principal_id",
        "organization_id",
        "location_id",
        "legal_entity_id",
        "event_id",
        "event_type",
        "sequence",
        "consumer",
        "publisher",
        "count",
        "attempt",
        "reason",
        "error_class",
        "where",
        "frames",
        "process",
        "port",
        "url_host",
        "table",
        "migration",
        "seconds",
        "head",
        "exception",
    ]
)


def configure(service: str, level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging for one process."""
    _structlog(level)
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    # SQLAlchemy and kombu print parameters and bodies at lower levels; our pool speaks with SQLAlchemy's words.
    for noisy in ("sqlalchemy", "shared.pool", "kombu", "amqp", "urllib3", "werkzeug", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _structlog(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _where_it_broke,
            _only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def get(name: str) -> Any:
    """A logger; give it only fields named in ALLOWED."""
    return structlog.get_logger(where=name)


def _where_it_broke(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn exc_info into class and code lines: the exception's own text may quote a row."""
    error = fields.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        fields["error_class"] = type(error).__qualname__
        fields["frames"] = _frames(error)
    return fields


def _frames(error: BaseException) -> list[str]:
    frames, step = [], error.__traceback__
    while step is not None:
        frames.append(f"{step.tb_frame.f_globals.get('__name__', '?')}:{step.tb_lineno}")
        step = step.tb_next
    return frames[-8:]


def _only_allowed(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in fields.items() if name in ALLOWED}


# At import, not at configure(): structlog's own defaults print tracebacks with the values of local variables.
_structlog("INFO")
