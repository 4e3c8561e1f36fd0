"""Every table of the service, for migrations."""
# ruff: noqa: F401

import services.procurement.catalog.models
import services.procurement.formulary.models
import services.procurement.imports.models
import services.procurement.inventory.models
import services.procurement.orders.models
import services.procurement.payables.models
import services.procurement.receipts.models
import services.procurement.requisitions.models
import services.procurement.spend.models
import services.procurement.tolerances.models
import services.procurement.vendors.models
from shared import decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts

SHARED = (decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts)
