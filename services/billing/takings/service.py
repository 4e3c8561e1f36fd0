"""What came in and went back on a day, by method: the sheet a drawer is counted against."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.billing.payments.models import Method, Payment
from services.billing.refunds.models import Refund


@dataclass(frozen=True, slots=True)
class MethodTotal:
    """One method's money of a day."""

    method: str
    payments: int
    received: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        return self.received - self.refunded


@dataclass(frozen=True, slots=True)
class Takings:
    """A day at the sites in scope."""

    day: date
    methods: list[MethodTotal]

    @property
    def received(self) -> Decimal:
        return sum((total.received for total in self.methods), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        return sum((total.refunded for total in self.methods), Decimal(0))

    @property
    def net(self) -> Decimal:
        return self.received - self.refunded


def of_day(session: Session, day: date) -> Takings:
    """The takings of `day` (in site time), every method listed."""
    came = {
        method: (count, amount)
        for method, count, amount in session.execute(
            select(Payment.method, func.count(), func.sum(Payment.amount))
            .where(Payment.received_on == day)
            .group_by(Payment.method)
        )
    }
    back = select(Refund.method, func.sum(Refund.amount)).where(Refund.paid_on == day).group_by(Refund.method)
    went = dict(session.execute(back).all())
    nothing = Decimal(0)
    return Takings(
        day,
        [MethodTotal(each.value, *came.get(each, (0, nothing)), went.get(each, nothing)) for each in Method],
    )
