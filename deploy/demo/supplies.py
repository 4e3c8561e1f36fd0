"""Vendors and the catalogue of the demo franchise, imported from the CSV files beside this one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.demo.client import Person, Refused

HERE = Path(__file__).parent
IMPORTS = "/v1/network/procurement/imports"


def load(buyer: Person, say: Callable[[str], None]) -> None:
    """Import both files: a dry run first, as the how-to advises, then for good. Raises Refused."""
    for kind, file in (("vendors", "vendors.csv"), ("items", "catalogue.csv")):
        data = (HERE / file).read_bytes()
        tried = _import(buyer, kind, data, dry_run=True)
        if tried["errors"]:
            raise Refused(f"{file}: {tried['errors'][:3]}")
        done = _import(buyer, kind, data, dry_run=False)
        say(f"    {file}: {done['rows_applied']} of {done['rows']} rows")


def _import(buyer: Person, kind: str, data: bytes, *, dry_run: bool) -> Any:
    path, headers = f"{IMPORTS}/{kind}", {"Content-Type": "text/csv"}
    answer = buyer.call("POST", path, data, headers=headers, dry_run=str(dry_run).lower())
    if not answer.ok:
        raise Refused(f"import of {kind}: {answer.status} {answer.body}")
    return answer.body
