"""The formulary: which clinical items a clinical entity has approved, and when."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid


class EntryStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class NotOnFormulary(Conflict):
    """A site orders clinical items only from its clinical entity's formulary."""


class NotClinical(Invalid):
    """Only a clinical entity has a formulary, and only clinical items stand on it."""


class AlreadyOnFormulary(Conflict):
    """This item is on the formulary, or proposed for it."""


class NotAwaitingDecision(Conflict):
    """Only a proposal can be decided."""


class NotApproved(Conflict):
    """Only an approved item can be withdrawn."""


class FormularyEntry(HasId, EntityOwned, Versioned, Base):
    """One item on one clinical entity's list, from its proposal to its withdrawal. On the list from `starts_on` through
    `ends_on` (open where null), once approved."""

    __tablename__ = "formulary_entry"
    __table_args__ = (
        Index(
            "uq_formulary_entry_open",
            "organization_id",
            "legal_entity_id",
            "item_id",
            unique=True,
            postgresql_where=text("status in ('proposed', 'approved')"),
        ),
        Index(None, "organization_id", "legal_entity_id", "item_id"),
    )

    item_id: Mapped[UUID] = mapped_column(ForeignKey("catalog_item.id"))
    sku: Mapped[str]
    item_name: Mapped[str]
    item_class: Mapped[str]
    status: Mapped[str] = mapped_column(default=EntryStatus.PROPOSED)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    reason: Mapped[str]
    proposed_by: Mapped[UUID]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]
    decision_record_id: Mapped[UUID | None]

    def decide(self, approved: bool, by: UUID, name: str, at: datetime) -> None:
        """Raises NotAwaitingDecision."""
        if self.status != EntryStatus.PROPOSED:
            raise NotAwaitingDecision(f"It is {self.status}.")
        self.status = EntryStatus.APPROVED if approved else EntryStatus.REFUSED
        self.decided_by, self.decided_by_name, self.decided_at = by, name, at

    def withdraw(self, from_day: date) -> None:
        """Take it off the list from a day on; orders already placed stand. Raises NotApproved."""
        if self.status != EntryStatus.APPROVED:
            raise NotApproved(f"It is {self.status}.")
        self.status, self.ends_on = EntryStatus.WITHDRAWN, from_day - timedelta(days=1)

    def facts(self) -> dict[str, str | None]:
        """What a decision record keeps of the entry, before and after."""
        return {
            "status": self.status,
            "starts_on": self.starts_on.isoformat(),
            "ends_on": self.ends_on.isoformat() if self.ends_on else None,
        }
