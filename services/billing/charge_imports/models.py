"""Imports of charges: what became of a file, row by row."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, LocationOwned
from shared.money import Cents


class ChargeImport(HasId, LocationOwned, Base):
    """One file of charges that was taken in, and what became of its rows. `errors`: [{row, field, detail}]."""

    __tablename__ = "charge_import"
    __append_only__ = True
    __table_args__ = (Index("ix_charge_import_file_hash", "location_id", "source_system", "file_hash"),)

    legal_entity_id: Mapped[UUID]
    source_system: Mapped[str]
    file_hash: Mapped[bytes] = mapped_column(LargeBinary)
    accepted: Mapped[int]
    repeated: Mapped[int]
    rejected: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Cents)
    errors: Mapped[list[dict[str, str | int]]] = mapped_column(JSONB)
    imported_at: Mapped[datetime]
