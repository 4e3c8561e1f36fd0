"""What every event is: a frozen, typed struct with a name, a version and a plane; and its CloudEvents envelope."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

Plane = Literal["business", "clinical"]

REGISTRY: dict[str, type["Event"]] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, past tense. Consumers ignore unknown fields; producers cannot send any.

    `type` is `service.noun.verbed`. Fields are UUID, Decimal, date, datetime, str, int, bool, or
    lists and structs of them.
    Patient data never stands in an event of the business plane.
    """

    type: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    plane: ClassVar[Plane] = "business"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.type:
            if REGISTRY.get(cls.type, cls).__qualname__ != cls.__qualname__:
                raise TypeError(f"two events are called {cls.type}")
            REGISTRY[cls.type] = cls

    @classmethod
    def aggregate_type(cls) -> str:
        """`procurement.receipt` of `procurement.receipt.posted`."""
        return cls.type.rsplit(".", 1)[0]


class Envelope(msgspec.Struct, kw_only=True, omit_defaults=True):
    """CloudEvents 1.0, structured JSON, with our extension attributes (lower case, as the standard asks)."""

    specversion: str = ""
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = ""
    dataschema: str
    schemaversion: int
    partitionkey: str
    aggregateversion: int
    organizationid: UUID
    locationid: UUID | None = None
    legalentityid: UUID | None = None
    plane: Plane
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    actor: UUID | None = None
    actorkind: str | None = None
    operation: str | None = None
    decisionid: UUID | None = None
    sequence: int = 0
    data: msgspec.Raw

    def event(self) -> Event:
        """The typed fact. Raises KeyError for an unknown type, msgspec.ValidationError for data that does not fit."""
        kind = REGISTRY[self.type]
        return msgspec.json.decode(self.data, type=kind)


class DecisionTaken(Event, frozen=True, kw_only=True):
    """A reserved decision was taken (shared/domain reserved_decisions). Each service names its own subclass."""

    record_id: UUID
    decision: str  # key of the rules dataset, e.g. "procurement.formulary.approve"
    outcome: Literal["approved", "refused", "revoked"]
    legal_entity_id: UUID
    decided_by: UUID
    decided_by_name: str
    decider_role: str
    licence: str | None = None
    proposed_by: UUID | None = None
    subject_type: str
    subject_id: UUID
    summary: str
    rule_version: str
    sources: list[str] = []
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    decided_at: datetime
    revokes: UUID | None = None


class AuditRecorded(Event, frozen=True, kw_only=True):
    """A change, or a read of patient-level data, that no business event tells. Each service has its own."""

    action: str
    subject_type: str
    subject_id: str
    detail: dict[str, Any] = {}
