"""Billing's own commands: `python -m services command billing rotate-field-key | seal-anew | drop-field-keys`."""

import argparse
import sys

from services.billing.accounts.rotation import seal_anew, versions_in_use
from services.billing.sealing import FieldKeys, add_version, drop_versions
from shared.db import Database
from shared.settings import Settings


def rotate(database: Database, settings: Settings) -> str:
    """Add a master key and seal everything anew under it. The old keys still open what other processes write."""
    version = add_version(settings.keys_folder)
    return f"key {version} seals from now on; {_sealed(database, settings)}"


def again(database: Database, settings: Settings) -> str:
    """Seal anew what is still under an older key (after a rotation that was broken off)."""
    return _sealed(database, settings)


def drop(database: Database, settings: Settings) -> str:
    """Drop the master keys that no row needs any more."""
    keys = FieldKeys(settings.keys_folder)
    with database.platform_transaction() as session:
        used = versions_in_use(session)
    unused = [version for version in keys.versions if version not in used and version != keys.newest]
    drop_versions(settings.keys_folder, unused)
    return f"dropped: {', '.join(map(str, unused)) or 'none'}; in use: {', '.join(map(str, sorted(used))) or 'none'}"


COMMANDS = {"rotate-field-key": rotate, "seal-anew": again, "drop-field-keys": drop}


def _sealed(database: Database, settings: Settings) -> str:
    return f"{seal_anew(database, FieldKeys(settings.keys_folder))} accounts sealed anew"


def main(settings: Settings, arguments: list[str]) -> int:
    """Run one command and say what it did."""
    parser = argparse.ArgumentParser(prog="python -m services command billing")
    parser.add_argument("command", choices=sorted(COMMANDS))
    chosen = parser.parse_args(arguments)
    database = Database(settings.database_url, pool_size=2)
    try:
        sys.stdout.write(COMMANDS[chosen.command](database, settings) + "\n")
    finally:
        database.close()
    return 0
