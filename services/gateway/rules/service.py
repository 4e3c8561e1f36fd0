"""Load versions of the rules dataset, tell each entry once, and look entries up for a day."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.gateway.rules import dataset
from shared import rules
from shared.contracts.gateway import RuleRecorded
from shared.errors import NotFound
from shared.ids import PLATFORM, new_id
from shared.outbox import emit
from shared.rules import Rule


def load(session: Session, folder: Path = dataset.FOLDER) -> dict[str, int]:
    """Load every committed version that is not loaded yet, oldest first. Returns the entries recorded by version.

    A version ends what the one before said: those entries get their last day and are told again. Safe to repeat and to
    do twice at once. The session has the scope of the platform's own organization.
    """
    recorded: dict[str, int] = {}
    for version in dataset.versions(folder):
        entries = dataset.entries(version, folder)
        recorded[version] = _keep(session, entries)
        if recorded[version]:
            _end_before(session, version, entries[0].effective_from)
    return recorded


def read(session: Session, kind: str, key: str, on: date) -> Rule:
    """The entry in force on a day. Raises NotFound."""
    found = rules.rule(session, kind, key, on)
    if found is None:
        raise NotFound(f"No {kind.replace('_', ' ')} {key!r} was in force on {on}.")
    return found


def _keep(session: Session, entries: list[RuleRecorded]) -> int:
    """Record the entries that are not there yet. Returns how many."""
    rows = {new_id(): entry for entry in entries}
    names = RuleRecorded.__struct_fields__
    values = [{"id": rule_id, **{name: getattr(entry, name) for name in names}} for rule_id, entry in rows.items()]
    fresh = session.execute(insert(Rule).on_conflict_do_nothing().returning(Rule.id), values).scalars().all()
    for rule_id in fresh:
        _tell(session, rows[rule_id], rule_id, version=1)
    return len(fresh)


def _end_before(session: Session, version: str, starts_on: date) -> None:
    older = select(Rule).where(Rule.dataset_version < version, Rule.effective_to.is_(None))
    for rule in session.execute(older).scalars():
        rule.effective_to = max(rule.effective_from, starts_on - timedelta(days=1))
        _tell(session, _entry(rule), rule.id, version=2)


def _entry(rule: Rule) -> RuleRecorded:
    return RuleRecorded(**{name: getattr(rule, name) for name in RuleRecorded.__struct_fields__})


def _tell(session: Session, entry: RuleRecorded, rule_id: Any, *, version: int) -> None:
    emit(session, entry, SimpleNamespace(id=rule_id, organization_id=PLATFORM, version=version))
