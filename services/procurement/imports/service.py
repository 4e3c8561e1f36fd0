"""Use cases of imports and exports. An import is one transaction: it happened as a whole or it did not."""

import hashlib
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.procurement.imports import items, rules, vendors
from services.procurement.imports.models import ImportJob, ImportStatus, Mode
from services.procurement.imports.rules import Report
from shared.clock import now
from shared.identity import Context
from shared.pagination import Page, page

KINDS: dict[str, Any] = {"items": items, "vendors": vendors}


class _TakenBack(Exception):
    """Ends the savepoint of an import that is not to be kept."""


def run(session: Session, context: Context, kind: str, content: bytes, *, mode: str, dry_run: bool) -> ImportJob:
    """Import a file and keep what came of it. Raises UnreadableFile.

    The same file again creates nothing, because every row has a natural key. Whoever imports at the same moment waits.
    """
    started = now()
    rows = rules.read(content, KINDS[kind].COLUMNS, KINDS[kind].NEEDED)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"import {context.organization_id}", 0))))
    report = Report(rows=len(rows))
    applied = _apply(session, context, KINDS[kind], rows, report, None if dry_run else Mode(mode))
    job = ImportJob(
        organization_id=context.organization_id,
        kind=kind,
        mode=mode,
        dry_run=dry_run,
        status=_status(report, mode),
        digest=hashlib.sha256(content).hexdigest(),
        rows=report.rows,
        rows_applied=applied,
        counts=report.counts,
        errors=report.errors,
        created_by=context.principal_id,
        created_at=started,
        finished_at=now(),
    )
    session.add(job)
    session.flush()
    return job


def _apply(
    session: Session,
    context: Context,
    kind: Any,
    rows: list[rules.Row],
    report: Report,
    mode: Mode | None,
) -> int:
    """Rows applied. What a dry run (`mode` None) or a refused file would have done is taken back, its events too."""
    told = len(session.info["events"])
    try:
        with session.begin_nested():
            kind.load(session, context, rows, report)
            if mode is None or (mode is Mode.ALL_OR_NOTHING and report.errors):
                raise _TakenBack
    except _TakenBack:
        del session.info["events"][told:]
        return 0
    return len(rows) - len({error["row"] for error in report.errors})


def _status(report: Report, mode: str) -> ImportStatus:
    if not report.errors:
        return ImportStatus.SUCCEEDED
    return ImportStatus.FAILED if mode == Mode.ALL_OR_NOTHING else ImportStatus.PARTIAL


def jobs(session: Session, *, limit: int, cursor: str | None) -> Page[ImportJob]:
    return page(session, select(ImportJob), [ImportJob.id], limit=limit, cursor=cursor)


def export(session: Session, kind: str) -> str:
    """All items with their prices, or all vendors, in the columns an import reads."""
    return rules.write(KINDS[kind].COLUMNS, KINDS[kind].dump(session))
