"""A body for each change that the demo story does not make, as somebody who knows the trade would send it.

`@item_id` stands for an id that exists, `@today` and its like for a day, `#` for something nobody else has.
"""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from deploy.local.instance import ROOT
from tests.proof.api.known import Known

Fixed = Mapping[str, Sequence[str]]
_REASON = {"reason": "Entered by mistake"}
_END = {"ends_on": "@next_month"}
_TRAINED = {"completed_on": "@yesterday", "hours": "2", "provider": "Compliance House", "trainer": "Ada Trainer"}
_USED = {"item_id": "@item_id", "quantity": "1", "unit": "piece"}
_BILL_LINE = {"order_line_id": "@order_line_id", "quantity": "1", "unit_price": "12.5000"}
_BILL = {"number": "INV-#", "billed_on": "@today", "total": "12.50", "lines": [_BILL_LINE]}
_ACCOUNT = {"name": "Quinn #", "email": "quinn-#@mail.example", "phone": "+1 310 555 0100"}
_VENDOR = {"code": "V-#", "name": "Vendor #", "email": "orders@vendor.example", "state": "CA", "terms_days": 30}
_ITEM = {"sku": "S-#", "name": "Item #", "item_class": "business", "unit_chain": "box > 10 piece"}
_GRANT = {"user_id": "@user_id", "role": "biller", "scope_kind": "organization", "ends_on": "@next_month"}
_SHIFT = {"starts": "@tomorrowT09:00", "ends": "@tomorrowT17:00"}
_OPINION = {
    "fee_model": "fee.flat_monthly", "valuator": "Fair Value Partners", "valued_on": "2026-03-01", "method": "market",
    "basis": "monthly_amount", "low": "4000", "mid": "8000", "high": "9000",
    "services_covered": ["procurement", "hr", "billing", "bookkeeping"],
    "expires_on": "2027-02-28", "document": "FMV-#",
}  # fmt: skip
_JOURNAL = [{"account_code": "1000", "debit": "10.00"}, {"account_code": "6900", "credit": "10.00"}]

BODIES: dict[str, Any] = {
    "billing.account.change": {"name": "Quinn Changed"},
    "billing.account.open": {"source_system": "ehr", "external_id": "P-#", **_ACCOUNT},
    "billing.charge.correct": {"reason": "Wrong quantity", "quantity": "2"},
    "billing.charge.void": _REASON,
    "billing.counsel_memo.record": {
        "state": "CA", "author": "Counsel LLP", "written_on": "2026-02-01", "fee_model": "fee.flat_monthly",
        "conclusion": "permitted", "expires_on": "2027-01-31", "document": "MEMO-#",
    },
    "billing.credit_note.issue": {"invoice_id": "@invoice_id", "reason": "billing_error"},
    "billing.fee_statement.approve": {"amount": "8000.00"},
    "billing.fee_statement.draft": {"agreement_id": "@charged_agreement", "month": "@charged_month"},
    "billing.fee_statement.refuse": _REASON,
    "billing.fee_terms.refuse": _REASON,
    "billing.fee_usage.record": {
        "agreement_id": "@charged_agreement",
        "units": [{"unit": "visit", "quantity": "3", "performed_on": "@today", "reference": "Log #"}],
    },
    "billing.fmv_opinion.record": _OPINION,
    "billing.invoice.issue": {"account_id": "@account_id"},
    "billing.invoice.preview": {"account_id": "@account_id"},
    "billing.journal_entry.post": {"posted_on": "@today", "memo": "By hand #", "lines": _JOURNAL},
    "billing.journal_entry.reverse": {"posted_on": "@today", "memo": "Reversed #"},
    "billing.ledger_account.add": {"code": "@digits", "name": "Account #", "kind": "expense"},
    "billing.payment.allocate": {},
    "billing.period.close": {"accept_warnings": True, "note": "Known differences"},
    "billing.period.reopen": _REASON,
    "billing.refund.decide": {"approved": True},
    "billing.refund.request": {"amount": "1.00", "reason": "overpayment"},
    "billing.tax_rule.record": {
        "state": "CA", "item_class": "retail", "effective_from": "@tomorrow", "rate": "0.095", "source": "CDTFA #",
    },
    "gateway.account.identify": {"email": "person-#@proof.example", "external_subject": "sub-#"},
    "gateway.account.reset": {"one_time_password": "One-Time-Password-#"},
    "gateway.agreement.draft": {
        "mso_id": "@mso", "legal_entity_id": "@legal_entity_id", "location_ids": [], "services": ["procurement"],
        "starts_on": "2030-01-01", "ends_on": "2030-12-31",
    },
    "gateway.agreement.end": _END,
    "gateway.agreement.sign": {"signed_on": "@today"},
    "gateway.api_key.issue": {"expires_on": "@next_month"},
    "gateway.business_associate_agreement.end": _END,
    "gateway.business_associate_agreement.record": {
        "legal_entity_id": "@legal_entity_id", "business_associate_id": "@mso", "signed_on": "@today",
    },
    "gateway.clinical_grant.give": {
        "user_id": "@user_id", "role": "provider", "scope_kind": "location", "scope_id": "@oak", "licence": "CA X1",
    },
    "gateway.grant.give": _GRANT,
    "gateway.legal_entity.change": {"name": "Company #"},
    "gateway.legal_entity.register": {
        "kind": "franchisee", "name": "Company #", "state": "CA", "form": "LLC", "time_zone": "America/Los_Angeles",
    },
    "gateway.location.change": {"name": "Site #"},
    "gateway.location.register": {
        "code": "S#", "name": "Site #", "state": "CA", "time_zone": "America/Los_Angeles",
        "legal_entity_id": "@practice", "status": "planned",
    },
    "gateway.machine_client.register": {"name": "Machine #"},
    "gateway.officer.appoint": {"user_id": "@user_id", "role": "medical_director", "licence": "CA A1"},
    "gateway.purpose.decide": {"granted": False},
    "gateway.purpose.propose": {"user_id": "@user_id", "purpose": "Checking claims #", "ends_on": "@next_month"},
    "gateway.region.create": {"name": "Region #"},
    "gateway.region.rename": {"name": "Region #"},
    "gateway.user.change": {"name": "Person #"},
    "gateway.user.create": {"name": "Person #", "email": "person-#@proof.example"},
    "hr.assignment.create": {"location_id": "@oak", "starts_on": "@today"},
    "hr.assignment.end": _END,
    "hr.credential.record": {"kind": "cpr_bls", "number": "C-#", "issued_on": "@yesterday", "expires_on": "@next_year"},
    "hr.credential.verify": {"checked_on": "@today", "checked_with": "The board", "finding": "confirmed"},
    "hr.dual_role.clear": {"person_id": "@person_id", "cleared": True, "reason": "Both sides know"},
    "hr.employment.change": {"exposures": []},
    "hr.employment.end": {"ends_on": "@next_month", "reason": "Moves away"},
    "hr.employment.propose": {"person_id": "@person_id", "position": "front_desk", "starts_on": "@today"},
    "hr.employment.select": {"outcome": "approved", "reason": "Fits"},
    "hr.employment.terminate": {"ends_on": "@next_month", "reason": "No longer needed"},
    "hr.person.change": {"given_name": "Changed"},
    "hr.person.introduce": {"legal_entity_id": "@practice"},
    "hr.person.register": {"given_name": "Gia", "family_name": "Person", "work_email": "person-#@proof.example"},
    "hr.schedule_terms.set": {
        "effective_from": "@tomorrow", "max_shift_hours": "12", "max_week_hours": "60", "min_rest_hours": "8",
        "reason": "New terms",
    },
    "hr.shift.cancel": _REASON,
    "hr.shift.change": _SHIFT,
    "hr.shift.draft": {"employment_id": "@employment_id", **_SHIFT},
    "hr.shift.override": {"item": "training", "reason": "Covered by a colleague"},
    "hr.shift.unpublish": _REASON,
    "hr.training.complete": _TRAINED,
    "hr.training.sign_off": _TRAINED,
    "procurement.formulary_entry.decide": {"approved": True},
    "procurement.formulary_entry.propose": {"item_id": "@item_id", "reason": "Asked for #"},
    "procurement.formulary_entry.withdraw": {"note": "Not used"},
    "procurement.item.create": _ITEM,
    "procurement.item.update": _ITEM,
    "procurement.order.cancel": _REASON,
    "procurement.order.close": _REASON,
    "procurement.order.revise": {"reason": "Fewer", "lines": [{"order_line_id": "@order_line_id", "quantity": "1"}]},
    "procurement.price.create": {
        "vendor_id": "@vendor_id", "unit": "box", "price": "10.0000", "starts_on": "@today", "ends_on": "@next_month",
    },
    "procurement.receipt.post": {
        "packing_slip": "SLIP-#", "lines": [{"order_line_id": "@order_line_id", "quantity": "1"}],
    },
    "procurement.requisition.create": {"lines": [_USED]},
    "procurement.requisition.reject": _REASON,
    "procurement.requisition.update": {"lines": [_USED]},
    "procurement.stock.count": {"item_id": "@item_id", "counted": "40", "unit_cost": "1.0000"},
    "procurement.stock.use": _USED,
    "procurement.stock.waste": {**_USED, "note": "Dropped"},
    "procurement.tolerances.update": {"over_receipt": "0.05", "bill_price": "0.02", "extra_charges": "0.05"},
    "procurement.vendor.create": _VENDOR,
    "procurement.vendor.update": _VENDOR,
    "procurement.vendor_bank_change.propose": {
        "account_name": "Vendor", "routing_number": "021000021", "account_number": "123456789", "reason": "New bank #",
    },
    "procurement.vendor_bill.correct": _BILL,
    "procurement.vendor_bill.enter": {**_BILL, "order_id": "@order_id"},
    "procurement.vendor_bill.release": _REASON,
}  # fmt: skip
_FILES = {"procurement.item.import": "catalogue.csv", "procurement.vendor.import": "vendors.csv"}
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1, "next_month": 30, "next_year": 365}
_PLACEHOLDER = re.compile(r"@(\w+?)(?=T\d|\W|$)")


def body_for(name: str, known: Known, chance: random.Random, fixed: Fixed) -> Any:
    """A body for the operation, or None. `fixed` names what a placeholder may stand for beside what is known."""
    if name.endswith("dead_letter.discard"):
        return dict(_REASON)
    found = BODIES.get(name)
    return None if found is None else _filled(found, known, chance, fixed)


def file_for(name: str) -> str | None:
    """The file that an import reads, or None."""
    return (ROOT / "deploy/demo" / _FILES[name]).read_text() if name in _FILES else None


def _filled(node: Any, known: Known, chance: random.Random, fixed: Fixed) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, known, chance, fixed) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, known, chance, fixed) for value in node]
    if not isinstance(node, str):
        return node
    text = node.replace("#", uuid4().hex[:7].upper() if node == "S#" else uuid4().hex[:8])
    return _PLACEHOLDER.sub(lambda found: _value(found[1], known, chance, fixed), text) if "@" in node else text


def _value(name: str, known: Known, chance: random.Random, fixed: Fixed) -> str:
    if name in fixed:
        return chance.choice(fixed[name]) if fixed[name] else f"@{name}"
    if name in _DAYS:
        return str(date.fromisoformat(fixed["day"][0]) + timedelta(days=_DAYS[name]))
    if name == "digits":
        return str(chance.randrange(1000, 9999))
    values = known.values_of(name)
    return known.newest(values, chance) if values else f"@{name}"
