"""The procurement service: which capabilities it serves."""

from flask import Flask

from services.procurement.catalog.routes import blueprint as items
from services.procurement.counts.routes import blueprint as counts
from services.procurement.formulary.routes import blueprint as formulary
from services.procurement.imports.routes import blueprint as imports
from services.procurement.inventory.routes import blueprint as stock
from services.procurement.orders.routes import blueprint as orders
from services.procurement.payables.routes import blueprint as bills
from services.procurement.receipts.routes import blueprint as receipts
from services.procurement.requisitions.routes import blueprint as requisitions
from services.procurement.spend.routes import blueprint as spend
from services.procurement.tolerances.routes import blueprint as tolerances
from services.procurement.vendors.routes import blueprint as vendors
from shared import feed, parked
from shared.settings import Settings
from shared.web.app import create_app

BLUEPRINTS = (
    vendors,
    items,
    imports,
    formulary,
    requisitions,
    orders,
    receipts,
    stock,
    counts,
    bills,
    tolerances,
    spend,
)


def create(settings: Settings) -> Flask:
    """The app of this service."""
    blueprints = [*BLUEPRINTS, parked.blueprint("procurement"), feed.blueprint()]
    return create_app(settings, title="Partywall procurement", blueprints=blueprints)
