"""Every event of every service goes into the trail; reserved decisions also into the register."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.gateway.audit import service
from shared.contracts.base import REGISTRY, DecisionTaken, Envelope


def record(session: Session, events: Sequence[tuple[Envelope, bytes]]) -> None:
    """Keep events of one organization as they were published."""
    service.append(session, events)
    for envelope, _ in events:
        kind = REGISTRY.get(envelope.type)
        if kind is not None and issubclass(kind, DecisionTaken):
            fact = envelope.event()
            assert isinstance(fact, DecisionTaken)
            service.register(session, envelope, fact)
