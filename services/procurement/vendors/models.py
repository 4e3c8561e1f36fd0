"""Vendors, and changes of their bank details that take two people."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned, Versioned
from shared.errors import Conflict, Forbidden


class VendorStatus(StrEnum):
    """Nothing new is bought from a blocked vendor; what was ordered still arrives and is paid."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class BankChangeStatus(StrEnum):
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class VendorBlocked(Conflict):
    """Nothing new is ordered from a blocked vendor."""


class SecondPersonNeeded(Forbidden):
    """Bank details change only when a second person confirms them."""


class BankChangeSettled(Conflict):
    """This change of bank details was decided before."""


class BankChangePending(Conflict):
    """A change of this vendor's bank details already waits for a second person."""


class Vendor(HasId, OrganizationOwned, Versioned, Base):
    """Somebody the franchise buys from. Bank details change only through a BankChange."""

    __tablename__ = "vendor"
    __table_args__ = (UniqueConstraint("organization_id", "code"),)

    code: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    street: Mapped[str | None]
    locality: Mapped[str | None]
    state: Mapped[str | None]
    postal_code: Mapped[str | None]
    terms_days: Mapped[int]
    tax_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=VendorStatus.ACTIVE)
    bank_account_name: Mapped[str | None]
    bank_routing_number: Mapped[str | None]
    bank_account_number: Mapped[str | None]

    @property
    def bank_account_ending(self) -> str | None:
        """The last four digits, which is all that anybody is shown."""
        return self.bank_account_number[-4:] if self.bank_account_number else None

    def check_active(self) -> None:
        """Raises VendorBlocked."""
        if self.status != VendorStatus.ACTIVE:
            raise VendorBlocked(f"{self.name} is blocked.")


class BankChange(HasId, OrganizationOwned, Versioned, Base):
    """New bank details of a vendor, proposed by one person and confirmed or refused by another."""

    __tablename__ = "vendor_bank_change"
    __table_args__ = (
        Index(
            "uq_vendor_bank_change_open",
            "organization_id",
            "vendor_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
    )

    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("vendor.id"))
    account_name: Mapped[str]
    routing_number: Mapped[str]
    account_number: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str] = mapped_column(default=BankChangeStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]

    @property
    def account_ending(self) -> str:
        return self.account_number[-4:]

    def confirm(self, vendor: Vendor, by: UUID, at: datetime) -> None:
        """Put the new details into force. Raises SecondPersonNeeded, BankChangeSettled."""
        self._settle(BankChangeStatus.CONFIRMED, by, at)
        vendor.bank_account_name = self.account_name
        vendor.bank_routing_number = self.routing_number
        vendor.bank_account_number = self.account_number

    def refuse(self, by: UUID, at: datetime) -> None:
        """Drop the proposal; its proposer may do so as well. Raises BankChangeSettled."""
        self._settle(BankChangeStatus.REFUSED, by, at)

    def _settle(self, status: BankChangeStatus, by: UUID, at: datetime) -> None:
        if self.status != BankChangeStatus.PROPOSED:
            raise BankChangeSettled(f"It is {self.status}.")
        if status is BankChangeStatus.CONFIRMED and by == self.proposed_by:
            raise SecondPersonNeeded("You proposed it; somebody else must confirm it with the vendor.")
        self.status, self.decided_by, self.decided_at = status, by, at
