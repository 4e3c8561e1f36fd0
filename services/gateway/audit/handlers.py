"""Every event of every service goes into the trail; reserved decisions also into the register."""

from sqlalchemy.orm import Session

from services.gateway.audit import service
from shared.contracts.base import REGISTRY, DecisionTaken, Envelope


def record(session: Session, envelope: Envelope, raw: bytes) -> None:
    """Keep one event as it was published."""
    service.append(session, envelope, raw)
    kind = REGISTRY.get(envelope.type)
    if kind is not None and issubclass(kind, DecisionTaken):
        fact = envelope.event()
        assert isinstance(fact, DecisionTaken)
        service.register(session, envelope, fact)
