"""Every table of the gateway, for its migrations."""
# ruff: noqa: F401

import services.gateway.accounts.models
import services.gateway.agreements.models
import services.gateway.audit.models
import services.gateway.business_associates.models
import services.gateway.decisions.models
import services.gateway.grants.models
import services.gateway.legal_entities.models
import services.gateway.locations.models
import services.gateway.machine_clients.models
import services.gateway.organizations.models
import services.gateway.purposes.models
import services.gateway.regions.models
import services.gateway.sessions.models
import services.gateway.users.models
from shared import decisions, idempotency, inbox, outbox, rules, site_facts

SHARED = (decisions, idempotency, inbox, outbox, rules, site_facts)
