"""The terms of a management fee, and what decides on them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from services.billing.fees.judgement import Judgement, Outcome, not_allowed
from services.billing.fees.rules import COST_PLUS, FLAT, METERED, PERCENT_OF_GROSS
from shared.db import Base, EntityOwned, HasId, Versioned
from shared.errors import Conflict, Invalid
from shared.money import Cents


class AlreadyDecided(Conflict):
    """This was decided before."""


class MissingTerm(Invalid):
    """The fee model needs a term that is not given."""


class MethodFixed(Conflict):
    """A month that has a statement keeps the method it was stated by."""


class Status(StrEnum):
    """Drafted (a statement) or proposed (terms) by the business side, decided by the clinical-entity owner."""

    DRAFTED = "drafted"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


class Decided:
    """What the clinical-entity owner decides on."""

    status: Mapped[str]
    outcome: Mapped[str]
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    rule_version: Mapped[str]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_id: Mapped[UUID | None]

    def check_open(self) -> None:
        """Raises AlreadyDecided."""
        if self.status in (Status.APPROVED, Status.REFUSED):
            raise AlreadyDecided(f"It is {self.status}.")

    def judged(self, judgement: Judgement) -> None:
        """Keep what the guard said."""
        self.outcome, self.checks = judgement.outcome, judgement.document()
        self.rule_version = judgement.rule_version

    def check_allowed(self) -> None:
        """Raises FeeNotAllowed."""
        if self.outcome != Outcome.ALLOWED:
            raise not_allowed(self.outcome, self.checks)

    def decide(self, status: Status, by: UUID, at: datetime, decision_id: UUID) -> None:
        """Raises AlreadyDecided."""
        self.check_open()
        self.status, self.decided_by, self.decided_at, self.decision_id = status, by, at, decision_id


class FeeTerms(Decided, HasId, EntityOwned, Versioned, Base):
    """How the fee of an agreement is figured from a month on. Approved terms are never changed, only followed.

    Each fee model uses its own fields: `monthly_amount` flat; `percent` of gross revenue, or mark-up on cost;
    `base_accounts` the revenue accounts that make the base; `cost_categories` the allowable costs; `menu` unit prices.
    """

    __tablename__ = "fee_terms"
    __table_args__ = (
        Index(
            "uq_fee_terms_approved",
            "organization_id",
            "legal_entity_id",
            "agreement_id",
            "effective_from",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        CheckConstraint("extract(day from effective_from) = 1", name="first_of_month"),
    )

    agreement_id: Mapped[UUID]
    mso_id: Mapped[UUID]
    fee_model: Mapped[str]
    effective_from: Mapped[date]
    services: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    monthly_amount: Mapped[Decimal | None] = mapped_column(Cents())
    percent: Mapped[Decimal | None]
    base_accounts: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    excludes_marketing: Mapped[bool]
    excludes_federal: Mapped[bool]
    cost_categories: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    menu: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    # The last month that has a statement by these terms.
    stated_until: Mapped[date | None]

    def state(self, month: date) -> None:
        """A statement was drafted for a month by these terms."""
        self.stated_until = max(month, self.stated_until or month)

    def check_after(self, earlier: Iterable["FeeTerms"]) -> None:
        """A change is prospective only (term.method_set_in_advance). Raises MethodFixed."""
        last = max((terms.stated_until for terms in earlier if terms.stated_until), default=None)
        if last and last >= self.effective_from:
            raise MethodFixed(f"{last:%Y-%m} has a statement; let the change begin after it.")

    def check_complete(self) -> None:
        """Raises MissingTerm naming what the model cannot be figured without."""
        needed = {
            FLAT: ("monthly_amount",),
            PERCENT_OF_GROSS: ("percent", "base_accounts"),
            COST_PLUS: ("percent", "cost_categories"),
            **dict.fromkeys(METERED, ("menu",)),
        }
        missing = [name for name in needed.get(self.fee_model, ()) if getattr(self, name) in (None, [])]
        if missing:
            raise MissingTerm(f"{self.fee_model} needs {' and '.join(missing)}.")

    def figures(self) -> dict[str, Any]:
        """The terms in JSON, as the record of a decision keeps them."""
        return {
            "fee_model": self.fee_model,
            "effective_from": self.effective_from.isoformat(),
            "services": self.services,
            "monthly_amount": None if self.monthly_amount is None else str(self.monthly_amount),
            "percent": None if self.percent is None else str(self.percent),
            "base_accounts": self.base_accounts,
            "cost_categories": self.cost_categories,
            "menu": self.menu,
        }
