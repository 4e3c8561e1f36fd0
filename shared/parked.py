"""Dead letters for people: see what could not be applied, have it tried again, or give it up with a reason.

Only what an event is about is shown, never its content, and to each plane only its own.
"""

from typing import Any
from uuid import UUID

from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.clock import now
from shared.contracts.base import REGISTRY
from shared.db import lock
from shared.errors import NotFound
from shared.inbox import Parked, ParkedStatus
from shared.outbox import emit
from shared.pagination import Page, page
from shared.web.fields import Id, Instant, PageQuery, Schema, Text, page_of
from shared.web.operations import Blueprint, context, operation, session


class DeadLetterSchema(Schema):
    """An event that could not be applied; `waiting_behind` an earlier one it has no `reason` of its own."""

    id = Id()
    event_id = Id()
    publisher = fields.String()
    sequence = fields.Integer()
    type = fields.String()
    aggregate = fields.String()
    status = fields.String()
    reason = fields.String()
    tries = fields.Integer()
    parked_at = Instant()
    retry_at = Instant(allow_none=True)
    settled_at = Instant(allow_none=True)


class DeadLetterQuery(PageQuery):
    """Filters of the list."""

    status = fields.Enum(ParkedStatus, by_value=True, load_default=None)


class DiscardSchema(Schema):
    """Why it is given up."""

    reason = Text(required=True, max=500)


def listed(
    running: Session, plane: str, *, status: ParkedStatus | None, limit: int, cursor: str | None
) -> Page[Parked]:
    """Dead letters of a plane, newest first."""
    query = select(Parked).where(Parked.plane == plane)
    if status is not None:
        query = query.where(Parked.status == status)
    return page(running, query, [Parked.id], limit=limit, cursor=cursor)


def replay(running: Session, plane: str, key: UUID) -> Parked:
    """Have it tried again within a second, with a fresh back-off. Raises NotFound, AlreadySettled."""
    parked = _of(running, plane, key)
    parked.replay(now())
    _tell(running, parked, "replayed")
    return parked


def discard(running: Session, plane: str, key: UUID, reason: str) -> Parked:
    """Give it up; what waits behind it goes on. Raises NotFound, AlreadySettled."""
    parked = _of(running, plane, key)
    parked.discard(now())
    _tell(running, parked, "discarded", reason=reason)
    return parked


def _of(running: Session, plane: str, key: UUID) -> Parked:
    parked = lock(running, Parked, key)
    if parked.plane != plane:
        raise NotFound("No such parked.")
    return parked


def _tell(running: Session, parked: Parked, what: str, **detail: str) -> None:
    running.flush()
    recorded = REGISTRY[f"{running.info['origin'].service}.audit.recorded"]
    detail = {"event_id": str(parked.event_id), "type": parked.type, **detail}
    fact = recorded(action=f"dead_letter.{what}", subject_type="dead_letter", subject_id=str(parked.id), detail=detail)
    emit(running, fact, parked)


def blueprint(service: str) -> Any:
    """Operations `<service>.dead_letter.list`, `.replay` and `.discard`, at /dead-letters."""
    letters = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")

    @letters.route("", methods=["GET"])
    @operation(f"{service}.dead_letter.list", plane="any", scopes=("organization",))
    @letters.arguments(DeadLetterQuery, location="query")
    @letters.response(200, page_of(DeadLetterSchema))
    def list_letters(query: dict[str, Any]) -> Any:
        """List the events that could not be applied."""
        return listed(session(), context().plane, **query)

    @letters.route("/<uuid:letter_id>/replay", methods=["POST"])
    @operation(f"{service}.dead_letter.replay", plane="any", scopes=("organization",))
    @letters.response(200, DeadLetterSchema)
    def replay_letter(letter_id: UUID) -> Any:
        """Try an event again at once."""
        return replay(session(), context().plane, letter_id)

    @letters.route("/<uuid:letter_id>/discard", methods=["POST"])
    @operation(f"{service}.dead_letter.discard", plane="any", scopes=("organization",))
    @letters.arguments(DiscardSchema)
    @letters.response(200, DeadLetterSchema)
    def discard_letter(body: dict[str, Any], letter_id: UUID) -> Any:
        """Give an event up, with a reason."""
        return discard(session(), context().plane, letter_id, body["reason"])

    return letters
