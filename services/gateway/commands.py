"""Commands of the gateway: `python -m services command gateway ...`."""

import argparse
import json
import sys
from importlib import import_module
from typing import Any

from services.gateway import bootstrap
from services.gateway.rules import dataset
from services.gateway.rules import service as rules
from shared.db import Database
from shared.ids import PLATFORM, new_id
from shared.outbox import Origin
from shared.settings import Settings
from shared.tenancy import Scope


def main(settings: Settings, arguments: list[str]) -> int:
    """Run one command; prints JSON. Exit code 1 where it was refused."""
    if arguments[:1] == ["audit"]:
        return int(import_module("services.gateway.audit.commands").main(settings, arguments[1:]))
    chosen = _parser().parse_args(arguments)
    database = Database(settings.database_url, pool_size=1)
    try:
        found = chosen.run(database, _origin(settings), chosen)
    except (bootstrap.Refused, dataset.BadDataset) as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    finally:
        database.close()
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services command gateway", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("audit", help="verify the audit chain (see: audit --help)", add_help=False)
    first = commands.add_parser("bootstrap", help="a new organization and its first administrator; safe to repeat")
    for name in ("slug", "name", "email", "admin-name"):
        first.add_argument(f"--{name}", required=True)
    first.add_argument("--currency", default="USD")
    first.set_defaults(run=_bootstrap)
    load = commands.add_parser("rules", help="load the rules dataset; safe to repeat")
    load.add_argument("action", choices=["load"])
    load.set_defaults(run=_rules)
    reset = commands.add_parser("reset-password", help="a one-time password for somebody whom nobody else can help")
    reset.add_argument("--email", required=True)
    reset.set_defaults(run=_reset)
    return parser


def _bootstrap(database: Database, origin: Origin, chosen: argparse.Namespace) -> Any:
    return bootstrap.organization(
        database,
        origin,
        slug=chosen.slug,
        name=chosen.name,
        currency=chosen.currency,
        email=chosen.email,
        admin_name=chosen.admin_name,
    )


def _rules(database: Database, origin: Origin, _: argparse.Namespace) -> Any:
    with database.transaction(Scope.whole(PLATFORM)) as session:
        session.info["origin"] = origin
        return {"recorded": rules.load(session)}


def _reset(database: Database, origin: Origin, chosen: argparse.Namespace) -> Any:
    return bootstrap.reset_password(database, origin, chosen.email)


def _origin(settings: Settings) -> Origin:
    return Origin(service=settings.service, request_id=f"command-{new_id()}", operation="gateway.command.run")
