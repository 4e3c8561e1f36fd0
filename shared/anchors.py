"""Anchors: each service writes into its own log where the chains of others end, so that nobody rewrites one alone.

A chain that was computed anew from some event on fits in itself. It does not fit what another service, with another
database and another owner, wrote down an hour later.
"""

from collections.abc import Mapping
from types import SimpleNamespace

import msgspec
from sqlalchemy import text

from shared.contracts.base import REGISTRY, Envelope
from shared.db import Database
from shared.ids import PLATFORM, new_id
from shared.outbox import Origin, emit
from shared.tenancy import Scope

ACTION = "chain.anchored"


def anchor(database: Database, service: str, heads: Mapping[str, tuple[int, str]]) -> None:
    """Tell in `service`'s log where the logs of others end: publisher -> (sequence, hash in hex)."""
    recorded = REGISTRY[f"{service}.audit.recorded"]
    with database.transaction(Scope.whole(PLATFORM)) as session:
        session.info["origin"] = Origin(service, request_id=f"anchor-{new_id()}")
        for publisher, (sequence, head) in sorted(heads.items()):
            if publisher != service and sequence:
                detail = {"sequence": sequence, "hash": head}
                fact = recorded(action=ACTION, subject_type="event_log", subject_id=publisher, detail=detail)
                emit(session, fact, SimpleNamespace(id=new_id(), organization_id=PLATFORM))


def anchors_of(database: Database, service: str, publisher: str) -> dict[int, str]:
    """What `service`, whose database this is, anchored of `publisher`: sequence -> hash in hex."""
    statement = text("select envelope from event_log where type = :type and organization_id = :platform")
    with database.platform_transaction() as session:
        bodies = session.scalars(statement, {"type": f"{service}.audit.recorded", "platform": PLATFORM}).all()
    facts = [msgspec.json.decode(msgspec.json.decode(body, type=Envelope).data) for body in bodies]
    return {
        fact["detail"]["sequence"]: fact["detail"]["hash"]
        for fact in facts
        if fact["action"] == ACTION and fact["subject_id"] == publisher
    }
