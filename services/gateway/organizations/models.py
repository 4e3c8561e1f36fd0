"""The organization: one franchise brand, and the version of everything the door reads of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.orm import Mapped, Session, mapped_column, synonym

from shared.db import Base, OrganizationOwned, Versioned
from shared.ids import new_id


class Organization(OrganizationOwned, Versioned, Base):
    """A franchise brand. `directory_version` grows with every change that the door must hear of."""

    __tablename__ = "organization"
    __platform__ = True

    organization_id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    id: Mapped[UUID] = synonym("organization_id")
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(default="USD")
    directory_version: Mapped[int] = mapped_column(default=0)
    registered_at: Mapped[datetime]


class InSnapshot:
    """Marks rows that the door keeps in memory: whoever changes one makes the door read again."""


_CHANGED = "organizations whose directory changed"


@event.listens_for(Session, "after_flush")
def _note_change(session: Session, _: Any) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, InSnapshot):
            session.info.setdefault(_CHANGED, set()).add(row.organization_id)  # type: ignore[attr-defined]


@event.listens_for(Session, "before_commit")
def _raise_version(session: Session) -> None:
    # Last of all, in one order: everybody who changes the directory meets at this row, so nobody may hold it long.
    session.flush()
    for organization_id in sorted(session.info.pop(_CHANGED, ())):
        session.execute(_RAISE, {"id": organization_id})


CHANNEL = "partywall_directory"
_RAISE = text(
    f"""with raised as (
        update organization set directory_version = directory_version + 1 where organization_id = :id returning 1)
    select pg_notify('{CHANNEL}', '')"""
)
