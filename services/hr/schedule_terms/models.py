"""Schedule terms of a clinical entity: how long a clinician works, how long they rest."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from shared.db import Base, EntityOwned, HasId


class ScheduleTerms(HasId, EntityOwned, Base):
    """The owner's terms for rosters of clinicians from a day on; a change is a new record, and the newest counts."""

    __tablename__ = "schedule_terms"
    __append_only__ = True
    __table_args__ = (Index("ix_schedule_terms_from", "organization_id", "legal_entity_id", "effective_from", "id"),)

    effective_from: Mapped[date]
    max_shift_hours: Mapped[Decimal]
    max_week_hours: Mapped[Decimal]
    min_rest_hours: Mapped[Decimal]
    reason: Mapped[str]
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime]
