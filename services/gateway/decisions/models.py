"""One decision of the door; append-only."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId
from shared.tenancy import Ownership


class Decision(HasId, Base):
    """Who asked for what, where; what the door said, and by which policy.

    `legal_entity_id` is the entity the decision concerns; decisions about the whole network have none, and only those
    who see the whole organization see them. `address_id` is what the caller wrote, whether it exists or not.
    """

    __tablename__ = "decision"
    __ownership__: ClassVar[Ownership | None] = "entity"
    __append_only__ = True
    __platform__ = True
    __table_args__ = (
        Index("ix_decision_organization_id_id", "organization_id", "id"),
        Index("ix_decision_organization_id_legal_entity_id_id", "organization_id", "legal_entity_id", "id"),
    )

    organization_id: Mapped[UUID]
    legal_entity_id: Mapped[UUID | None]
    decided_at: Mapped[datetime]
    principal_id: Mapped[UUID]
    principal_kind: Mapped[str]
    principal_name: Mapped[str]
    plane: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    operation: Mapped[str]
    address_kind: Mapped[str]
    address_id: Mapped[UUID | None]
    outcome: Mapped[str]
    policy: Mapped[str]
    reserved: Mapped[str | None]
    data_class: Mapped[str]
    request_id: Mapped[str]
