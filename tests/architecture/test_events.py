"""Events: typed, named after their service, additive only, and free of patient data."""

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.contracts.base import REGISTRY
from shared.settings import SERVICES

GOLDEN = Path(__file__).parent / "events"
PATIENT_WORDS = {
    "first_name",
    "last_name",
    "patient_name",
    "birth_date",
    "email",
    "phone",
    "address",
    "diagnosis",
    "notes",
}


def schemas(service: str) -> dict[str, Any]:
    importlib.import_module(f"shared.contracts.{service}")
    found = {name: kind for name, kind in REGISTRY.items() if name.startswith(f"{service}.")}
    return {
        f"{name}/{kind.schema_version}": {
            "plane": kind.plane,
            "fields": {
                field.name: {"type": str(field.type).replace("typing.", ""), "required": field.required}
                for field in msgspec.structs.fields(kind)
            },
        }
        for name, kind in sorted(found.items())
    }


@pytest.mark.parametrize("service", SERVICES)
def test_events_change_only_by_addition(service: str) -> None:
    """The golden file holds every field ever published. Add to it with `make golden-events`; never take away."""
    golden = json.loads((GOLDEN / f"{service}.json").read_text())
    present = schemas(service)
    for name, before in golden.items():
        assert name in present, f"{name} is gone: publish both for a retention period"
        assert present[name]["plane"] == before["plane"]
        for field, kind in before["fields"].items():
            assert present[name]["fields"].get(field) == kind, f"{name}.{field} changed"
    assert present == golden, "new events or fields: write them down with `make golden-events`"


@pytest.mark.parametrize("service", SERVICES)
def test_no_event_has_a_field_for_patient_data(service: str) -> None:
    for name, schema in schemas(service).items():
        assert not PATIENT_WORDS & set(schema["fields"]), name


@pytest.mark.parametrize("service", SERVICES)
def test_an_event_is_named_service_noun_verbed(service: str) -> None:
    assert all(name.split("/")[0].count(".") == 2 for name in schemas(service))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in SERVICES:
        (GOLDEN / f"{each}.json").write_text(json.dumps(schemas(each), indent=1, sort_keys=True) + "\n")
