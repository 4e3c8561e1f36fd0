"""Spend by site and month, from stored order totals."""

from datetime import date
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from services.procurement.orders.models import OrderStatus, PurchaseOrder


def by_site_and_month(session: Session, first: date, last: date) -> list[Any]:
    """(location_id, month, orders, total) of orders that were not cancelled, from month `first` through `last`."""
    query = (
        select(
            PurchaseOrder.location_id,
            PurchaseOrder.month,
            func.count().label("orders"),
            func.sum(PurchaseOrder.total).label("total"),
        )
        # Written out, so that the index of orders that were not cancelled serves every plan.
        .where(PurchaseOrder.status != literal_column(f"'{OrderStatus.CANCELLED}'"))
        .where(PurchaseOrder.month.between(first.replace(day=1), last.replace(day=1)))
        .group_by(PurchaseOrder.location_id, PurchaseOrder.month)
        .order_by(PurchaseOrder.location_id, PurchaseOrder.month)
    )
    return list(session.execute(query))
