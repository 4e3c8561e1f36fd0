"""Every table of billing, for its migrations."""

from services.billing.accounts import models as accounts
from services.billing.charge_imports import models as charge_imports
from services.billing.charges import models as charges
from services.billing.credit_notes import models as credit_notes
from services.billing.evidence import models as evidence
from services.billing.fee_statements import models as fee_statements
from services.billing.fees import models as fees
from services.billing.invoices import models as invoices
from services.billing.ledger import models as ledger
from services.billing.payables import models as payables
from services.billing.payments import models as payments
from services.billing.refunds import models as refunds
from services.billing.reports import models as reports
from services.billing.tax import models as tax
from shared import decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts

SHARED = (decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts)

__all__ = [
    "accounts",
    "charge_imports",
    "charges",
    "credit_notes",
    "decisions",
    "directory",
    "evidence",
    "fee_statements",
    "fees",
    "idempotency",
    "inbox",
    "invoices",
    "ledger",
    "numbers",
    "outbox",
    "payables",
    "payments",
    "refunds",
    "reports",
    "rules",
    "tax",
]
