"""Vendors as rows of a CSV file; the natural key is the code."""

import re
from dataclasses import fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.procurement.imports.rules import BadCell, Report, Row
from services.procurement.vendors import rules, service
from services.procurement.vendors.models import Vendor
from services.procurement.vendors.rules import VendorFacts
from shared.errors import Invalid
from shared.identity import Context

COLUMNS = tuple(facts.name for facts in fields(VendorFacts))
NEEDED = ("code", "name")
CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")


def load(session: Session, context: Context, rows: list[Row], report: Report) -> None:
    """Record or change the vendor of every good row; put what is wrong into the report."""
    known = service.by_code(session, (row.cells["code"] for row in rows))
    seen: set[str] = set()
    for row in rows:
        try:
            facts = _facts(row)
            if facts.code in seen:
                raise BadCell("code", "It stands in the file twice.")
        except BadCell as error:
            report.refuse(row.number, error.column, error.detail)
            continue
        seen.add(facts.code)
        _apply(session, context, known, facts, report)


def _facts(row: Row) -> VendorFacts:
    code = row.required("code")
    if not CODE.fullmatch(code):
        raise BadCell("code", "Capital letters, digits, dot, dash; at most 32.")
    state = row.text("state")
    if state and not re.fullmatch(r"[A-Z]{2}", state):
        raise BadCell("state", "Two letters.")
    try:
        tax_id = rules.tax_id(row.text("tax_id"))
    except Invalid as error:
        raise BadCell("tax_id", error.title) from error
    plain = {name: row.text(name) for name in ("email", "phone", "street", "locality", "postal_code")}
    return VendorFacts(
        code=code,
        name=row.required("name"),
        state=state,
        tax_id=tax_id,
        terms_days=row.whole("terms_days", 30, 365),
        **plain,
    )


def _apply(session: Session, context: Context, known: dict[str, Vendor], facts: VendorFacts, report: Report) -> None:
    vendor = known.get(facts.code)
    if vendor is None:
        service.record(session, context, facts)
        report.count("vendors", "created")
    else:
        report.count("vendors", "updated" if service.change(session, vendor, facts) else "unchanged")


def dump(session: Session) -> list[dict[str, Any]]:
    """Every vendor as a row, by code."""
    found = session.scalars(select(Vendor).order_by(Vendor.code))
    return [{name: getattr(vendor, name) for name in COLUMNS} for vendor in found]
