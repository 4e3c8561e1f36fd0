"""Read the committed rules dataset into entries, and refuse it where it is not sound."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from shared.contracts.gateway import RuleRecorded

FOLDER = Path(__file__).parent / "data"
# The same safe loader written in C, where there is one: ten times as fast at every start.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOTICE = "Not legal advice. It helps to ask the right question; a healthcare lawyer in the state decides."


class BadDataset(Exception):
    """The dataset cannot be used; the message says which entry and why."""


@dataclass(frozen=True, slots=True)
class Section:
    """A list of entries in a file. `key` names the entry; without one the section is a mapping keyed by its names."""

    file: str
    name: str
    kind: str
    key: str | None = "id"


SECTIONS = (
    Section("states", "states", "state", "code"),
    Section("reserved_decisions", "decisions", "reserved_decision"),
    Section("reserved_decisions", "source_index", "source", None),
    Section("training", "training", "training"),
    Section("training", "retention", "retention"),
    Section("credentials", "credentials", "credential"),
    Section("credentials", "procedure_defaults", "procedure_default", None),
    Section("msa_fee_models", "fee_models", "fee_model"),
    Section("msa_fee_models", "required_terms", "required_term"),
    Section("msa_fee_models", "evidence", "evidence"),
    Section("msa_fee_models", "checks", "check"),
    Section("controls", "controls", "control"),
    Section("controls", "scope_notes", "scope_note"),
)
# Mappings that are one entry as they stand.
WHOLE = (("msa_fee_models", "state_policy", "fee_policy"), ("credentials", "monitoring_defaults", "monitoring"))
KINDS = frozenset({section.kind for section in SECTIONS} | {kind for *_, kind in WHOLE})


def versions(folder: Path = FOLDER) -> list[str]:
    """The committed versions, oldest first."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def entries(version: str, folder: Path = FOLDER) -> list[RuleRecorded]:
    """Every entry of a version, its body as the file has it (dates as ISO strings). Raises BadDataset."""
    place = folder / version
    about = _read(place / "dataset.yaml")
    if about.get("version") != version:
        raise BadDataset(f"{place.name}: dataset.yaml speaks of version {about.get('version')}")
    read = [
        RuleRecorded(
            kind=kind,
            key=key,
            dataset_version=version,
            effective_from=about["effective_from"],
            effective_to=None,
            reviewed=_day(body.get("reviewed"), reviewed),
            body=_plain(body),
        )
        for kind, key, body, reviewed in _bodies(place)
    ]
    _check(read)
    return read


def _bodies(place: Path) -> Iterator[tuple[str, str, dict[str, Any], date]]:
    documents = {name: _read(place / f"{name}.yaml") for name in sorted({section.file for section in SECTIONS})}
    for section in SECTIONS:
        document = documents[section.file]
        for key, body in _keyed(section, document):
            yield section.kind, key, body, document["reviewed"]
    for file, name, kind in WHOLE:
        yield kind, name, documents[file][name], documents[file]["reviewed"]


def _keyed(section: Section, document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    found = document.get(section.name)
    if not found:
        raise BadDataset(f"{section.file}: {section.name} is missing")
    if section.key is None:
        yield from found.items()
        return
    for body in found:
        if section.key not in body:
            raise BadDataset(f"{section.file}: an entry of {section.name} has no {section.key}")
        yield str(body[section.key]), body


def _check(read: list[RuleRecorded]) -> None:
    """Names are unique in their kind; deciders, sources and fee values are ones that the product knows."""
    doubled = [f"{kind} {key}" for (kind, key), count in Counter((e.kind, e.key) for e in read).items() if count > 1]
    if doubled:
        raise BadDataset(f"named twice: {', '.join(doubled)}")
    keys = {kind: {entry.key for entry in read if entry.kind == kind} for kind in KINDS}
    policy = next(entry for entry in read if entry.kind == "fee_policy").body
    for entry in read:
        if entry.kind == "reserved_decision" and not set(entry.body["sources"]) <= keys["source"]:
            raise BadDataset(f"{entry.key} cites a source that is not in source_index")
        if entry.kind == "state" and entry.body["percentage_fee"] not in policy:
            raise BadDataset(f"{entry.key}: state_policy does not know {entry.body['percentage_fee']!r}")


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506  (a safe loader either way)
    except (OSError, yaml.YAMLError) as error:
        raise BadDataset(f"{path.name}: {error}") from error
    if not isinstance(document, dict):
        raise BadDataset(f"{path.name} is not a mapping")
    return document


def _day(value: Any, otherwise: date) -> date:
    return value if isinstance(value, date) else otherwise


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
