"""Write the OpenAPI documents: one per service into the catalogue, the merged one into docs."""

import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from flask import Flask

from services.gateway.apidocs.merge import merge
from shared import keys
from shared.settings import SERVICES, Settings

MERGED = Path("docs/openapi.json")


def generate() -> dict[Path, bytes]:
    """Every document as it should stand, by path from the repository's root. Needs no database, writes nothing."""
    with _settings() as settings:
        own = {service: _describe(_app(service, settings(service))) for service in SERVICES}
        door = _describe(importlib.import_module("services.gateway.app").create(settings("gateway")))
    files = {
        Path("services/gateway/catalogue") / f"{service}.json": _bytes(document) for service, document in own.items()
    }
    return {**files, MERGED: _bytes(merge(own, door))}


def write_all(root: Path) -> None:
    """Write every document that differs from what stands below `root`."""
    for path, content in generate().items():
        place = root / path
        if not place.exists() or place.read_bytes() != content:
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)


def _bytes(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _app(service: str, settings: Settings) -> Flask:
    """The app whose operations pass the door; the gateway's is the one inside."""
    module = importlib.import_module(f"services.{service}.app")
    app: Flask = getattr(module, "create_directory", module.create)(settings)
    return app


def _describe(app: Flask) -> dict[str, Any]:
    """The app's document; operations that declare nothing for the door are not in it."""
    document: dict[str, Any] = app.extensions["partywall"].api.spec.to_dict()
    return {
        "openapi": document["openapi"],
        "info": document["info"],
        "paths": {path: document["paths"][path] for path in sorted(document["paths"])},
        "components": {
            kind: dict(sorted(named.items())) for kind, named in sorted(document.get("components", {}).items())
        },
    }


@contextmanager
def _settings() -> Iterator[Callable[[str], Settings]]:
    """Settings that let an app be built and described, and nothing more."""
    with tempfile.TemporaryDirectory() as folder:
        keys.create(Path(folder))
        described = Settings(
            service="gateway",
            database_url="postgresql://nobody@127.0.0.1:1/none",
            owner_database_url=None,
            bus_url=None,
            keys_folder=Path(folder),
            peers={},
            host="127.0.0.1",
            port=0,
            ops_port=0,
            threads=1,
            web_workers=1,
            max_body_bytes=1,
            log_level="WARNING",
            outbox_notify=False,
        )
        yield lambda service: replace(described, service=service)
