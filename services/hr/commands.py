"""Commands of hr: `python -m services command hr daily`, what its worker does once a day; safe to repeat."""

import argparse
import json
import sys

from services.hr import daily
from shared.db import Database
from shared.settings import Settings


def main(settings: Settings, arguments: list[str]) -> int:
    """Run one command; prints JSON."""
    parser = argparse.ArgumentParser(prog="python -m services command hr", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("daily", help="hide who left a site, assign what new rules ask")
    parser.parse_args(arguments)
    database = Database(settings.database_url, pool_size=1)
    try:
        people = len([step() for step in daily.steps(database)])
    finally:
        database.close()
    sys.stdout.write(json.dumps({"people": people}) + "\n")
    return 0
