"""Human numbers without gaps: `PO-2026-000123` per organization, or per legal entity where its books want their own."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.db import Base, HasId, OrganizationOwned
from shared.ids import new_id
from shared.sql import Sql


class NumberSeries(HasId, OrganizationOwned, Base):
    """The last number given in a series. `owner_id` is the legal entity, or the organization itself."""

    __tablename__ = "number_series"
    __table_args__ = (UniqueConstraint("organization_id", "owner_id", "prefix", "year"),)

    owner_id: Mapped[UUID]
    prefix: Mapped[str]
    year: Mapped[int]
    last: Mapped[int] = mapped_column(BigInteger)


def next_number(session: Session, organization_id: UUID, prefix: str, year: int, owner_id: UUID | None = None) -> str:
    """Take the next number; its row stays locked until the transaction ends, so a rollback leaves no gap.

    Take it last: everybody else who numbers in the same series waits for this transaction.
    """
    [claimed] = _CLAIM.rows(
        session, {"organization_id": organization_id, **claim(prefix, year, owner_id or organization_id)}
    )
    return str(claimed.number)


def claim(prefix: str, year: int, owner_id: UUID) -> dict[str, Any]:
    """What `CLAIM` asks for, besides the organization."""
    return {"series_id": new_id(), "series_owner": owner_id, "series_prefix": prefix, "series_year": year}


# The end of an insert into number_series that takes 1 of a new series.
TAKE_NEXT = """on conflict (organization_id, owner_id, prefix, year) do update set last = number_series.last + 1
  returning prefix || '-' || year || '-' || lpad(cast(last as text), greatest(6, length(cast(last as text))), '0')
    as number"""
# Also part of statements that write what is numbered.
CLAIM = f"""insert into number_series (id, organization_id, owner_id, prefix, year, last)
  values (:series_id, :organization_id, :series_owner, :series_prefix, :series_year, 1)
  {TAKE_NEXT}"""
_CLAIM = Sql(CLAIM)
