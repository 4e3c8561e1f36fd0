"""The directory's blueprints: those behind the door, which need a context token, and the open ones in front of it."""

from services.gateway.accounts import routes as accounts
from services.gateway.agreements import routes as agreements
from services.gateway.business_associates import routes as business_associates
from services.gateway.grants import routes as grants
from services.gateway.legal_entities import routes as legal_entities
from services.gateway.locations import routes as locations
from services.gateway.machine_clients import routes as machine_clients
from services.gateway.organizations import routes as organizations
from services.gateway.purposes import routes as purposes
from services.gateway.regions import routes as regions
from services.gateway.rules import routes as rules
from services.gateway.sessions import routes as sessions
from services.gateway.users import routes as users

INSIDE = (
    organizations.blueprint,
    legal_entities.blueprint,
    regions.blueprint,
    locations.blueprint,
    agreements.blueprint,
    business_associates.blueprint,
    users.blueprint,
    accounts.blueprint,
    machine_clients.blueprint,
    machine_clients.keys,
    grants.blueprint,
    grants.clinical,
    grants.officers,
    purposes.blueprint,
    rules.blueprint,
)
OPEN = (sessions.blueprint, accounts.own)
