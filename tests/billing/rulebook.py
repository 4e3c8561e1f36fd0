"""The committed rules dataset in a test's database."""

from functools import cache

from sqlalchemy import insert
from sqlalchemy.orm import Session

from services.gateway.rules.dataset import entries
from shared.contracts.gateway import RuleRecorded
from shared.ids import new_id
from shared.rules import Rule

VERSION = "2026-11-21"


@cache
def dataset() -> tuple[RuleRecorded, ...]:
    """Every entry of the dataset."""
    return tuple(entries(VERSION))


def row(entry: RuleRecorded) -> Rule:
    """An entry as a service keeps it."""
    return Rule(id=new_id(), **{name: getattr(entry, name) for name in entry.__struct_fields__})


def rule(kind: str, key: str) -> Rule:
    """One entry by its kind and key."""
    return next(row(entry) for entry in dataset() if (entry.kind, entry.key) == (kind, key))


def load_rules(session: Session) -> None:
    """Put the whole dataset into the database."""
    session.execute(
        insert(Rule),
        [{"id": new_id(), **{name: getattr(e, name) for name in e.__struct_fields__}} for e in dataset()],
    )
