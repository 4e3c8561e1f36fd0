"""Import jobs: what was sent, what came of it, row by row."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, HasId, OrganizationOwned


class ImportStatus(StrEnum):
    """`failed`: nothing was changed. `partial`: the rows without errors were applied."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"


class Mode(StrEnum):
    ALL_OR_NOTHING = "all_or_nothing"
    ROW_BY_ROW = "row_by_row"


class ImportJob(HasId, OrganizationOwned, Base):
    """One file that was imported or tried. `counts`: {subject: {created, updated, unchanged}}."""

    __tablename__ = "procurement_import"
    __table_args__ = (Index("ix_procurement_import_newest", "organization_id", "id"),)
    __append_only__ = True

    kind: Mapped[str]
    mode: Mapped[str]
    dry_run: Mapped[bool]
    status: Mapped[str]
    digest: Mapped[str]
    rows: Mapped[int]
    rows_applied: Mapped[int]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime]
