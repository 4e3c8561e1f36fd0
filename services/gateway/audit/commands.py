"""The audit trail from the command line: `python -m services command gateway audit verify|head`."""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from services.gateway.audit import proof, service
from shared.clock import today
from shared.db import Database
from shared.errors import NotFound
from shared.settings import Settings
from shared.tenancy import Scope


def main(settings: Settings, arguments: list[str]) -> int:
    """Verify chains or export heads; prints a JSON line for each organization. Exit code 1: a chain is broken."""
    chosen = _parser().parse_args(arguments)
    database = Database(settings.database_url, pool_size=1)
    try:
        organizations = [chosen.organization] if chosen.organization else proof.organizations(database)
        return max(int(chosen.run(database, organization, chosen)) for organization in organizations)
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services command gateway audit", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="walk each chain and say the first bad position, if any")
    verify.set_defaults(run=_verify)
    head = commands.add_parser("head", help="export the head of a day, to be kept elsewhere")
    head.add_argument("--day", type=date.fromisoformat, default=None, help="YYYY-MM-DD (UTC), today if left out")
    head.set_defaults(run=_head)
    for command in (verify, head):
        command.add_argument("--organization", type=UUID, default=None, help="one organization; all if left out")
    return parser


def _verify(database: Database, organization_id: UUID, _: argparse.Namespace) -> int:
    with database.transaction(Scope.whole(organization_id)) as session:
        found = service.verify(session, organization_id)
    _print(asdict(found))
    if not found.sound:
        sys.stderr.write(f"{organization_id}: entry {found.position} (event {found.event_id}): {found.fault}\n")
    return 0 if found.sound else 1


def _head(database: Database, organization_id: UUID, chosen: argparse.Namespace) -> int:
    with database.transaction(Scope.whole(organization_id)) as session:
        try:
            _print(asdict(service.day_head(session, organization_id, chosen.day or today())))
        except NotFound:
            _print({"organization_id": organization_id, "day": chosen.day or today(), "position": 0})
    return 0


def _print(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found, default=str) + "\n")
