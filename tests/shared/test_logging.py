"""Logs hold the fields they may hold, and no word of a patient or a row, whatever is passed to them."""

import json
import re
from typing import Any

import pytest
import structlog

from shared import logging

PATIENT = {
    "patient_name": "Marguerite Quillfeather",
    "name": "Marguerite Quillfeather",
    "email": "mq@example.test",
    "phone": "+1 310 555 0100",
    "address": "12 Jasmine Row",
    "payer_member_id": "XEA-9911",
    "details": {"external_id": "MRN-00417"},
    "body": b"MRN-00417",
    "token": "eyJhbGciOi",
    "password": "correct horse battery",
    "parameters": ["Marguerite Quillfeather"],
}
SECRETS = ("Marguerite", "Quillfeather", "mq@example", "310 555", "Jasmine", "XEA-9911", "MRN-00417", "eyJ", "horse")
PERSONAL = re.compile(
    r"name|mail|phone|address|birth|payer|patient|member|details|body|token|password|secret|parameter"
)


@pytest.fixture
def written(capfd: pytest.CaptureFixture[str]) -> Any:
    """What stands on standard error by now, a document a line."""
    log = logging.get("tests")
    return log, lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def unspoken(lines: list[dict[str, Any]]) -> bool:
    return not any(secret in json.dumps(lines) for secret in SECRETS)


def test_fields_that_nobody_allowed_are_never_printed(written: Any) -> None:
    log, lines = written
    log.warning("account opened", operation="billing.account.open", count=1, **PATIENT)
    (line,) = lines()
    assert (line["event"], line["operation"], line["count"]) == ("account opened", "billing.account.open", 1)
    assert set(line) <= logging.ALLOWED
    assert unspoken([line])


def test_fields_bound_to_the_request_pass_the_same_list(written: Any) -> None:
    log, lines = written
    with structlog.contextvars.bound_contextvars(request_id="r-1", **PATIENT):
        log.bind(**PATIENT).warning("bound")
    (line,) = lines()
    assert line["request_id"] == "r-1"
    assert set(line) <= logging.ALLOWED
    assert unspoken([line])


def test_an_exception_is_told_by_class_and_place_and_not_by_what_it_says(written: Any) -> None:
    log, lines = written
    secret = PATIENT["name"]
    try:
        raise ValueError(f"duplicate key: {secret}")
    except ValueError as error:
        log.error("failed", exc_info=error)
        log.error("failed", exc_info=True)
        log.exception("failed")
    found = lines()
    assert len(found) == 3 and unspoken(found)
    for line in found:
        assert line["error_class"] == "ValueError"
        assert line["frames"][-1].startswith(f"{__name__}:")
        assert "exc_info" not in line and "exception" not in line


def test_no_allowed_field_is_made_for_a_person() -> None:
    assert [field for field in logging.ALLOWED if PERSONAL.search(field)] == []
