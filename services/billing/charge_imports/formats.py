"""Read a file of charges: JSON, CSV, or a FHIR R4/R5 Bundle of ChargeItems. Every format gives the same flat rows.

Nothing here quotes what it read: a reason names a row and a field, never a value.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from shared.errors import Invalid

MAX_ROWS = 5000
COLUMNS = (
    "source_id",
    "service_on",
    "patient_id",
    "patient_name",
    "patient_email",
    "patient_phone",
    "patient_address",
    "payer_name",
    "payer_member_id",
    "code_system",
    "code",
    "modifiers",
    "diagnosis_codes",
    "item_class",
    "quantity",
    "unit_price",
)
_LISTS = ("modifiers", "diagnosis_codes")
CODE_SYSTEMS = {
    "http://www.ama-assn.org/go/cpt": "CPT",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "http://hl7.org/fhir/sid/ndc": "NDC",
}
ITEM_CLASS_SYSTEM = "urn:partywall:item-class"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"

Row = dict[str, Any]


class UnreadableFile(Invalid):
    """This file of charges cannot be read."""


def read(media_type: str, content: bytes) -> list[Row]:
    """The rows of a file by its media type (a key of READERS). Raises UnreadableFile."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("It is not UTF-8.") from None
    rows = READERS[media_type](text)
    if not rows:
        raise UnreadableFile("It holds no charges.")
    if len(rows) > MAX_ROWS:
        raise UnreadableFile(f"It holds more than {MAX_ROWS} charges; send it in parts.")
    return rows


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise UnreadableFile("It is not JSON.") from None
    if not isinstance(document, dict):
        raise UnreadableFile("It is not a JSON object.")
    return document


def _json(text: str) -> list[Row]:
    document = _document(text)
    rows = document.get("charges")
    if set(document) != {"charges"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableFile('Send {"charges": [{...}, ...]}.')
    return rows


def _csv(text: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        unknown = set(reader.fieldnames or ()) - set(COLUMNS)
        if unknown:
            raise UnreadableFile(f"It has columns that are not known; known are {', '.join(COLUMNS)}.")
        return [_cells(row) for row in reader]
    except csv.Error:
        raise UnreadableFile(f"Line {reader.line_num} is not CSV.") from None


def _cells(row: dict[str | None, Any]) -> Row:
    """Empty cells are left out; lists are separated by spaces. A row with too many cells keeps them, to be refused."""
    filled: Row = {str(name): value for name, value in row.items() if value not in (None, "")}
    return {name: value.split() if name in _LISTS else value for name, value in filled.items()}


def _fhir(text: str) -> list[Row]:
    document = _document(text)
    entries = document.get("entry")
    if document.get("resourceType") != "Bundle" or not isinstance(entries, list):
        raise UnreadableFile("Send a FHIR Bundle of ChargeItems.")
    resources = [entry.get("resource") for entry in entries if isinstance(entry, dict)]
    known = [resource for resource in resources if isinstance(resource, dict)]
    patients = {f"Patient/{each.get('id')}": each for each in known if each.get("resourceType") == "Patient"}
    return [_charge_item(each, patients) for each in known if each.get("resourceType") == "ChargeItem"]


def _charge_item(item: dict[str, Any], patients: dict[str, dict[str, Any]]) -> Row:
    """One ChargeItem as a row; what is not there or not as FHIR says is left out, and the row is refused for it."""
    subject = _at(item, "subject", "reference")
    codings = list(_codings(item.get("code")))
    billed = next((each for each in codings if each.get("system") in CODE_SYSTEMS), {})
    klass = next((each.get("code") for each in codings if each.get("system") == ITEM_CLASS_SYSTEM), None)
    price = _first(item, ("unitPriceComponent", "amount", "value"), ("priceOverride", "value"))
    row = {
        "source_id": item.get("id") or _at(item, "identifier", 0, "value"),
        "status": item.get("status"),
        "service_on": _day(item.get("occurrenceDateTime") or _at(item, "occurrencePeriod", "start")),
        "patient_id": subject.removeprefix("Patient/") if isinstance(subject, str) else None,
        "patient_name": _at(item, "subject", "display"),
        "code_system": CODE_SYSTEMS.get(billed.get("system", "")),
        "code": billed.get("code"),
        "item_class": klass,
        "diagnosis_codes": [
            each.get("code")
            for reason in _listed(item.get("reason"))
            for each in _codings(reason.get("concept", reason))
            if each.get("system") == ICD10
        ],
        "quantity": _number(_at(item, "quantity", "value")),
        "unit_price": _number(price),
        **_patient(patients.get(subject, {}) if isinstance(subject, str) else {}),
    }
    return {name: value for name, value in row.items() if value is not None}


def _patient(patient: dict[str, Any]) -> Row:
    name = _at(patient, "name", 0)
    if not isinstance(name, dict):
        return {}
    given = list(_listed_texts(name.get("given")))
    full = name.get("text") or " ".join([*given, str(name.get("family") or "")]).strip()
    telecom = {each.get("system"): each.get("value") for each in _listed(patient.get("telecom"))}
    found = {"patient_name": full, "patient_email": telecom.get("email"), "patient_phone": telecom.get("phone")}
    return {field: value for field, value in found.items() if value}


def _at(node: Any, *path: str | int) -> Any:
    """What stands at a path, None where the path breaks off."""
    for step in path:
        if isinstance(node, dict) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and len(node) > step:
            node = node[step]
        else:
            return None
    return node


def _first(node: Any, *paths: tuple[str | int, ...]) -> Any:
    return next((value for path in paths if (value := _at(node, *path)) is not None), None)


def _listed(node: Any) -> Iterator[dict[str, Any]]:
    return (each for each in node if isinstance(each, dict)) if isinstance(node, list) else iter(())


def _listed_texts(node: Any) -> Iterator[str]:
    return (each for each in node if isinstance(each, str)) if isinstance(node, list) else iter(())


def _codings(concept: Any) -> Iterator[dict[str, Any]]:
    return _listed(_at(concept, "coding"))


def _day(moment: Any) -> str | None:
    # The day as written: the clinical system writes it in the site's own time.
    return moment[:10] if isinstance(moment, str) else None


def _number(value: Any) -> str | None:
    # FHIR writes exact numbers as JSON numbers; rows carry them as strings.
    exact = isinstance(value, Decimal | int) and not isinstance(value, bool)
    return format(Decimal(value), "f") if exact else None


READERS: dict[str, Callable[[str], list[Row]]] = {
    "application/json": _json,
    "text/csv": _csv,
    "application/fhir+json": _fhir,
}
