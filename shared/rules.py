"""The rules dataset as each service knows it: entries with effective dates, fed by the gateway's events.

Missing, unknown or stale means hold for counsel, never allow (controls: rules.fail_closed).
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.contracts.base import Envelope
from shared.contracts.gateway import RuleRecorded
from shared.db import Base, HasId
from shared.errors import Conflict

STALE_AFTER = timedelta(days=180)


class RuleUnknown(Conflict):
    """No rule is in force for this; counsel must look at it first."""


class Rule(HasId, Base):
    """One entry of the dataset in one version. The same for every organization, so it belongs to none."""

    __tablename__ = "rule"
    __table_args__ = (UniqueConstraint("kind", "key", "dataset_version"),)

    kind: Mapped[str]
    key: Mapped[str]
    dataset_version: Mapped[str]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    reviewed: Mapped[date]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)

    def is_stale(self, on: date) -> bool:
        """Reviewed more than 180 days ago, or past a dated watch item that came after the review."""
        watched = [date.fromisoformat(str(item["date"])) for item in self.body.get("watch", [])]
        return on - self.reviewed > STALE_AFTER or any(self.reviewed < due <= on for due in watched)


def rule(session: Session, kind: str, key: str, on: date) -> Rule | None:
    """The entry in force on `on`, or None."""
    return session.execute(_in_force(kind, on).where(Rule.key == key)).scalars().first()


def require(session: Session, kind: str, key: str, on: date) -> Rule:
    """The entry in force on `on`. Raises RuleUnknown."""
    found = rule(session, kind, key, on)
    if found is None:
        raise RuleUnknown(f"There is no {kind.replace('_', ' ')} rule {key!r} in force on {on}.")
    return found


def rules(session: Session, kind: str, on: date) -> list[Rule]:
    """Every entry of a kind in force on `on`, by key."""
    newest: dict[str, Rule] = {}
    for entry in session.execute(_in_force(kind, on)).scalars():
        newest.setdefault(entry.key, entry)
    return [newest[key] for key in sorted(newest)]


def _in_force(kind: str, on: date) -> Any:
    return (
        select(Rule)
        .where(Rule.kind == kind, Rule.effective_from <= on)
        .where((Rule.effective_to.is_(None)) | (Rule.effective_to >= on))
        .order_by(Rule.effective_from.desc(), Rule.dataset_version.desc())
    )


def learn_rule(session: Session, envelope: Envelope, fact: RuleRecorded) -> None:
    """Keep the local copy of a dataset entry."""
    values = {name: getattr(fact, name) for name in ("effective_from", "effective_to", "reviewed", "body")}
    session.execute(
        insert(Rule)
        .values(id=envelope.id, kind=fact.kind, key=fact.key, dataset_version=fact.dataset_version, **values)
        .on_conflict_do_update(index_elements=["kind", "key", "dataset_version"], set_=values)
    )
