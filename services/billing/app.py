"""The billing service: revenue cycle of the clinical entities, books of every legal entity."""

from flask import Flask

from services.billing.accounts import routes as accounts
from services.billing.charge_imports import routes as charge_imports
from services.billing.charges import routes as charges
from services.billing.credit_notes import routes as credit_notes
from services.billing.evidence import routes as evidence
from services.billing.fee_statements import routes as fee_statements
from services.billing.fees import routes as fees
from services.billing.invoices import routes as invoices
from services.billing.ledger import routes as ledger
from services.billing.payments import routes as payments
from services.billing.periods import routes as periods
from services.billing.refunds import routes as refunds
from services.billing.reports import routes as reports
from services.billing.sealing import FieldKeys
from services.billing.takings import routes as takings
from services.billing.tax import routes as tax
from shared import feed, parked
from shared.settings import Settings
from shared.web.app import create_app

BLUEPRINTS = [
    accounts.blueprint,
    charge_imports.blueprint,
    charges.blueprint,
    charges.unbilled_blueprint,
    credit_notes.blueprint,
    evidence.blueprint,
    fee_statements.blueprint,
    fees.blueprint,
    invoices.blueprint,
    ledger.blueprint,
    payments.blueprint,
    periods.blueprint,
    refunds.blueprint,
    reports.blueprint,
    takings.blueprint,
    tax.blueprint,
]


def create(settings: Settings) -> Flask:
    """The app and which capabilities it serves."""
    app = create_app(
        settings, title="Partywall billing", blueprints=[*BLUEPRINTS, parked.blueprint("billing"), feed.blueprint()]
    )
    app.extensions["billing_field_keys"] = FieldKeys(settings.keys_folder)
    return app
