"""Charges that wait to be invoiced, sent by the clinical system as files through the public API."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from shared.db import Database
from shared.tenancy import Scope
from tests.bench.franchise import Network, Site

_SOURCE = "bench-ehr"
_PER_PATIENT = 5


def load(database: Database, network: Network, charges: int) -> list[dict[str, str]]:
    """At least `charges` billable charges at eight sites, as {id, account_id, location_id, legal_entity_id}."""
    sites = network.sites[:: max(1, len(network.sites) // 8)][:8]
    for number, site in enumerate(sites):
        _send(network, site, number, -(-charges // len(sites)))
    _tax(network)
    with database.transaction(Scope.whole(network.organization_id)) as session:
        rows = session.execute(_WAITING, {"source": _SOURCE}).mappings()
        return [{name: str(value) for name, value in row.items()} for row in rows]


# Accounts take turns, so that clients do not meet at one.
_WAITING = text(
    """select id, account_id, location_id, legal_entity_id from charge
    where status = 'billable' and source_system = :source
    order by row_number() over (partition by account_id order by id), md5(account_id::text)"""
)


def _send(network: Network, site: Site, number: int, charges: int) -> None:
    rows = [_charge(network, number, at) for at in range(charges)]
    path, machine = f"/v1/locations/{site.id}/billing/charge-imports", network.stage.machine()
    for start in range(0, charges, 1000):
        machine.post(path, {"charges": rows[start : start + 1000]}, source_system=_SOURCE)


def _charge(network: Network, number: int, at: int) -> dict[str, Any]:
    return {
        "source_id": f"{number}-{at}",
        "service_on": str(network.stage.today - timedelta(days=1)),
        "patient_id": f"{number}-{at // _PER_PATIENT}",
        "patient_name": "Robin Sample",
        "code_system": "LOCAL",
        "code": "TOX-GLAB",
        "item_class": "cosmetic_service",
        "quantity": "1",
        "unit_price": "120.00",
    }


def _tax(network: Network) -> None:
    """The controller says how the services are taxed."""
    gil = network.person("gil.fontaine")
    rule = {
        "state": "CA",
        "item_class": "cosmetic_service",
        "effective_from": str(network.stage.today.replace(month=1, day=1)),
        "rate": "0",
        "source": "CDTFA Regulation 1501: services are not sales of goods",
    }
    gil.call("POST", "/v1/network/billing/tax-rules", rule)
