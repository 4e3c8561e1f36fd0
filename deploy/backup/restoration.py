"""Restore a backup into an empty place, and prove afterwards that every chain is what it was."""

import json
import shutil
from pathlib import Path

import psycopg

from deploy.backup.contents import Json, Refused, dump_of, read
from deploy.backup.programs import major, run, url_of
from deploy.databases import as_administrator, existing, login_url, name_of, provision
from services.gateway.audit import proof
from shared import chain
from shared.db import Database
from shared.settings import SERVICES
from shared.tenancy import APP


def restore(backup: Path, home: Path, admin_url: str) -> Json:
    """Fill `home` and the databases of `admin_url`, which hold nothing yet; returns how much was proved.

    Raises Refused: the backup is damaged, something is there already, or a chain is not what it was.
    """
    manifest = read(backup)
    _require_empty(admin_url)
    shutil.copytree(backup / "settings", home, dirs_exist_ok=True)
    if (backup / "keys").exists():
        shutil.copytree(backup / "keys", home / "keys", dirs_exist_ok=True)
    passwords = json.loads((home / "secrets.json").read_text())
    provision(admin_url, passwords["owner"], passwords["app"])
    for service in SERVICES:
        _load(dump_of(backup, service), url_of(admin_url, name_of(service)))
    # A dump brings the tables' privileges; those of the database itself are given again.
    provision(admin_url, passwords["owner"], passwords["app"])
    return _prove(admin_url, passwords["app"], manifest)


def _require_empty(admin_url: str) -> None:
    with as_administrator(admin_url) as admin:
        there = existing(admin)
    for name in there.intersection(map(name_of, SERVICES)):
        with psycopg.connect(url_of(admin_url, name)) as connection:
            if connection.execute("select 1 from pg_tables where schemaname = 'public' limit 1").fetchone():
                raise Refused(f"The database {name} is not empty.")


def _load(dump: Path, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        run("pg_restore", major(connection), url, "--exit-on-error", "--single-transaction", str(dump))
        connection.execute("analyze")


def _prove(admin_url: str, password: str, manifest: Json) -> Json:
    """Walk every chain, as the application would. Raises Refused where one is not what it was."""
    proved: Json = {"event_logs": {}, "audit_chains": {}}
    for service in SERVICES:
        database = Database(login_url(admin_url, APP, password, name_of(service)), pool_size=2)
        try:
            proved["event_logs"][service] = _event_log(database, service, manifest["event_logs"][service])
            if service == "gateway":
                proved["audit_chains"] = _audit_chains(database)
        finally:
            database.close()
    return proved


def _event_log(database: Database, service: str, end: Json) -> int:
    verdict = chain.verify(database, {end["sequence"]: end["head"]} if end["sequence"] else {})
    if verdict.broken_at is not None or verdict.checked != end["sequence"]:
        raise Refused(f"{service}'s event log is not what it was at event {verdict.broken_at}: {verdict.why}.")
    return verdict.checked


def _audit_chains(database: Database) -> dict[str, int]:
    """How many entries each organization's chain has."""
    entries = {}
    for organization_id in proof.organizations(database):
        walk = proof.Walk(database, organization_id)
        while not walk.ended:
            walk.advance()
        if not walk.found.sound:
            raise Refused(f"The audit chain of {organization_id} is broken: {walk.found.fault}.")
        entries[str(organization_id)] = walk.found.entries
    return entries
