"""`python -m services COMMAND SERVICE`: one image, the service chosen by an argument."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from shared import logging, migrate
from shared.settings import SERVICES, BadSettings, load

ALL = "all"
ROOT = Path(__file__).resolve().parent.parent


def _web(service: str, _: list[str]) -> int:
    """Serve HTTP under gunicorn (replaces this process)."""
    load(service)  # a clear message before gunicorn's long one
    os.environ["SERVICE"] = service
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:deploy.gunicorn_conf"]
    os.execv(sys.executable, [*gunicorn, f"services.{service}.wsgi:app"])  # noqa: S606


def _worker(service: str, _: list[str]) -> int:
    """Relay the outbox, consume events and do the day's chores until stopped."""
    from shared import proof, worker
    from shared.site_facts import SiteFacts

    settings = load(service)
    logging.configure(service, settings.log_level)
    its = importlib.import_module(f"services.{service}.worker")
    gauges = [SiteFacts, *getattr(its, "REFRESH", ())]
    chores = [*getattr(its, "CHORES", ()), proof.chore(service)]
    return worker.run(settings, its.SUBSCRIBER, [each().refresh for each in gauges], chores=chores)


def _migrate(service: str, arguments: list[str]) -> int:
    """Bring the database (or, for `all`, each database) to the newest revision, as its owner."""
    if service == ALL:
        return max(_migrate(each, arguments) for each in SERVICES)
    url = load(service).owner_database_url
    if not url:
        raise BadSettings("OWNER_DATABASE_URL is not set: migrations run as the owner of the tables.")
    migrate.upgrade(service, url)
    return 0


def _verify(service: str, _: list[str]) -> int:
    """Say whether the service's event log is what was written, and where not."""
    from shared import event_commands

    return event_commands.verify(load(service))


def _reconcile(service: str, arguments: list[str]) -> int:
    """Say which events of its publishers the service has not applied; `--heal` applies them."""
    from shared import event_commands

    settings = load(service)
    logging.configure(service, settings.log_level)
    subscriber = importlib.import_module(f"services.{service}.worker").SUBSCRIBER
    return event_commands.reconcile(settings, subscriber, heal="--heal" in arguments)


def _openapi(_: str, __: list[str]) -> int:
    """Write the API documents from the code: one a service for the gateway, one merged for people."""
    importlib.import_module("services.gateway.apidocs.write").write_all(ROOT)
    return 0


def _matrix(_: str, __: list[str]) -> int:
    """Write docs/access-matrix.md from the policies."""
    importlib.import_module("services.gateway.policies.matrix").write(ROOT)
    return 0


def _command(service: str, arguments: list[str]) -> int:
    """A command of the service's own (see `python -m services SERVICE --help`)."""
    settings = load(service)
    logging.configure(service, settings.log_level)
    return int(importlib.import_module(f"services.{service}.commands").main(settings, arguments))


COMMANDS = {
    "web": _web,
    "worker": _worker,
    "verify": _verify,
    "reconcile": _reconcile,
    "migrate": _migrate,
    "openapi": _openapi,
    "matrix": _matrix,
    "command": _command,
}


def main() -> int:
    """Run one command. Exit code 2 where the settings are wrong."""
    parser = argparse.ArgumentParser(prog="python -m services")
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("service", choices=[*SERVICES, ALL], nargs="?", default=ALL)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    if chosen.service == ALL and chosen.command not in ("migrate", "openapi", "matrix"):
        parser.error(f"{chosen.command} needs one service: {', '.join(SERVICES)}")
    try:
        return COMMANDS[chosen.command](chosen.service, chosen.arguments)
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
