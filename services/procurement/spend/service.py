"""Spend by site and month, counted as orders change."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from services.procurement.spend.models import SpendMonth
from shared.ids import new_id
from shared.money import Cents


def by_site_and_month(session: Session, first: date, last: date) -> list[Any]:
    """(location_id, month, orders, total) of orders that were not cancelled, from month `first` through `last`."""
    query = (
        select(SpendMonth.location_id, SpendMonth.month, SpendMonth.orders, SpendMonth.total)
        .where(SpendMonth.orders > 0)
        .where(SpendMonth.month.between(first.replace(day=1), last.replace(day=1)))
        .order_by(SpendMonth.location_id, SpendMonth.month)
    )
    return list(session.execute(query))


def count(session: Session, order: Any, *, orders: int, total: Decimal) -> None:
    """Add so many orders and dollars (negative to take them away) to the month of `order` at its site.

    Count last: everybody else who orders for the site in that month waits for this transaction.
    """
    values = {"organization": order.organization_id, "location": order.location_id, "month": order.month}
    session.execute(_COUNT, {"id": new_id(), **values, "orders": orders, "total": total})


_COUNT = text(
    """insert into spend_month (id, organization_id, location_id, month, orders, total)
    values (:id, :organization, :location, :month, :orders, :total)
    on conflict (organization_id, location_id, month)
    do update set orders = spend_month.orders + excluded.orders, total = spend_month.total + excluded.total"""
).bindparams(bindparam("total", type_=Cents))
