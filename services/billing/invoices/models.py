"""Invoices: numbered without gaps, frozen once issued; only what is open of them moves."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.frozen import frozen_but
from shared.db import Base, HasId, LocationOwned, Versioned
from shared.errors import Conflict, Invalid
from shared.money import Cents, UnitPrice


class NothingToInvoice(Conflict):
    """This account has no charges to invoice."""


class ChargesNotBillable(Conflict):
    """Some of these charges cannot be invoiced."""


class MoreThanOpen(Conflict):
    """This is more than is open on the invoice."""


class InvoiceOfAnotherAccount(Invalid):
    """This invoice belongs to another account."""


class Invoice(HasId, LocationOwned, Versioned, Base):
    """An issued invoice of the clinical entity, by the account's pseudonym.

    `open` = total - credited - allocated; it and the version are all that ever changes, as the database sees to.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        CheckConstraint("open between 0 and total", name="open"),
        CheckConstraint("total = subtotal + tax", name="total"),
        Index("ix_invoice_location_id_id", "location_id", "id"),
        Index("ix_invoice_open", "location_id", "account_id", "id", postgresql_where=text("open > 0")),
        Index("ix_invoice_issued", "legal_entity_id", "issued_on"),
    )
    __guards__ = frozen_but("invoice", "open", "version")

    legal_entity_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("patient_account.id"))
    account_number: Mapped[str]
    number: Mapped[str]
    issued_on: Mapped[date]
    due_on: Mapped[date]
    subtotal: Mapped[Decimal] = mapped_column(Cents())
    tax: Mapped[Decimal] = mapped_column(Cents())
    total: Mapped[Decimal] = mapped_column(Cents())
    open: Mapped[Decimal] = mapped_column(Cents())

    def settle(self, amount: Decimal) -> None:
        """A payment or credit lowers what is open. Raises MoreThanOpen."""
        if amount > self.open:
            raise MoreThanOpen(f"{self.open} is open on {self.number}.", open=str(self.open), invoice=self.number)
        self.open -= amount

    def reopen(self, amount: Decimal) -> None:
        """Money that had settled it went back."""
        self.open += amount

    def check_account(self, account_id: UUID) -> None:
        """Raises InvoiceOfAnotherAccount."""
        if self.account_id != account_id:
            raise InvoiceOfAnotherAccount(f"Money of one account does not pay {self.number} of another.")


class InvoiceLine(HasId, LocationOwned, Base):
    """One charge on an invoice, as it was when it was issued, with the tax rule that applied."""

    __tablename__ = "invoice_line"
    __append_only__ = True
    __table_args__ = (UniqueConstraint("organization_id", "invoice_id", "position"),)

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"))
    position: Mapped[int]
    charge_id: Mapped[UUID]
    service_on: Mapped[date]
    code: Mapped[str]
    item_class: Mapped[str]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal] = mapped_column(UnitPrice())
    amount: Mapped[Decimal] = mapped_column(Cents())
    tax_rule_id: Mapped[UUID]
    tax_rate: Mapped[Decimal]
    tax: Mapped[Decimal] = mapped_column(Cents())
